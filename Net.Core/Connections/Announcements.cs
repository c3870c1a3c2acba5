using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Single frames that must arrive: HANDSHAKE_DONE once, NEW_TOKEN, PING when a sign of life is wanted.</summary>
internal sealed class Announcements : IPart<Announcements>
{
    private const int MaxToken = 255;

    private bool _handshakeDone;
    private bool _ping;
    private ReadOnlyMemory<byte> _token;
    private bool _tokenPending;

    public static ulong Section => SectionNumber.Announcements;

    public ulong Changes { get; private set; }

    public bool HasFrames => _handshakeDone || _ping || _tokenPending;

    /// <summary>A server says so once its handshake is complete, until it is acknowledged (RFC 9000, section 19.20).</summary>
    public void AnnounceHandshakeDone()
    {
        _handshakeDone = true;
        Changes++;
    }

    /// <summary>NEW_TOKEN, until it is acknowledged. A token that is still on its way is given up for the new one.</summary>
    /// <param name="token">1 to 255 bytes; kept.</param>
    public void AnnounceToken(ReadOnlyMemory<byte> token)
    {
        ArgumentOutOfRangeException.ThrowIfZero(token.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(token.Length, MaxToken);
        _token = token;
        _tokenPending = true;
        Changes++;
    }

    public void OnTokenAcked()
    {
        _token = default;
        _tokenPending = false;
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

        if (_tokenPending && builder.TryWrite(new NewTokenFrame(_token.Span), new(SentFrameKind.NewToken)))
        {
            _tokenPending = false;
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
        else if (kind == SentFrameKind.NewToken && !_token.IsEmpty)
        {
            _tokenPending = true;
            Changes++;
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteBool(_handshakeDone);
        writer.WriteBool(_ping);
        writer.WriteBytes(_token.Span);
        writer.WriteBool(_tokenPending);
    }

    public static Announcements Import(SnapshotReader reader)
    {
        Announcements announcements = new()
        {
            _handshakeDone = reader.ReadBool(),
            _ping = reader.ReadBool(),
            // Its own bytes: those of the image are overwritten, as they hold secrets.
            _token = reader.ReadBytes().ToArray(),
            _tokenPending = reader.ReadBool(),
        };
        bool sound = announcements._token.Length <= MaxToken && !(announcements._tokenPending && announcements._token.IsEmpty);
        return sound ? announcements : throw new SnapshotException("a token is too long or missing");
    }
}
