using System.Runtime.InteropServices;

namespace Net.Core.Recovery;

/// <summary>A list of sent frames that is cleared and filled again, so that nothing is allocated per packet.</summary>
internal sealed class SentFrameBuffer
{
    private readonly List<SentFrame> _frames = [];

    public int Count => _frames.Count;

    /// <summary>Valid until the next change.</summary>
    public ReadOnlySpan<SentFrame> Frames => CollectionsMarshal.AsSpan(_frames);

    public void Add(in SentFrame frame) => _frames.Add(frame);

    /// <summary>Drops the ACK and PING frames from <paramref name="start"/> on: nobody waits to hear of them.</summary>
    public void RemoveSilent(int start) => Remove(SentFrameKind.Ack, start, SentFrameKind.Ping);

    /// <summary>Drops the frames of a kind (or of two) from <paramref name="start"/> on.</summary>
    public void Remove(SentFrameKind kind, int start, SentFrameKind? other = null)
    {
        int kept = start;
        for (int i = start; i < _frames.Count; i++)
        {
            if (_frames[i].Kind != kind && _frames[i].Kind != other)
            {
                _frames[kept++] = _frames[i];
            }
        }

        CollectionsMarshal.SetCount(_frames, kept);
    }

    public void RemoveFrom(int start) => CollectionsMarshal.SetCount(_frames, start);

    public void Clear() => _frames.Clear();
}
