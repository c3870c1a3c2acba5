using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Frames without content of their own that must arrive: HANDSHAKE_DONE once, PING when a sign of life is wanted.</summary>
internal sealed class Announcements : IPart<Announcements>
{
    private bool _handshakeDone;
    private bool _ping;

    public static ulong Section => SectionNumber.Announcements;

    public ulong Changes { get; private set; }

    public bool HasFrames => _handshakeDone || _ping;

    /// <summary>A server says so once its handshake is complete, until it is acknowledged (RFC 9000, section 19.20).</summary>
    public void AnnounceHandshakeDone()
    {
        _handshakeDone = true;
        Changes++;
    }

    public void RequestPing()
    {
        _ping = true;
        Changes++;
    }

    public void WriteFrames(ref PacketBuilder builder)
    {
        if (_handshakeDone && builder.TryWrite(new HandshakeDoneFrame(), new(SentFrameKind.HandshakeDone)))
        {
            _handshakeDone = false;
            Changes++;
        }

        if (_ping && (builder.IsAckEliciting || builder.TryWrite(new PingFrame(), new(SentFrameKind.Ping))))
        {
            _ping = false;
            Changes++;
        }
    }

    public void OnLost(SentFrameKind kind)
    {
        if (kind == SentFrameKind.HandshakeDone)
        {
            AnnounceHandshakeDone();
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteBool(_handshakeDone);
        writer.WriteBool(_ping);
    }

    public static Announcements Import(SnapshotReader reader) =>
        new() { _handshakeDone = reader.ReadBool(), _ping = reader.ReadBool() };
}
