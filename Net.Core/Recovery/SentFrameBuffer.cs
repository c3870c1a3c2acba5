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

    public void Clear() => _frames.Clear();
}
