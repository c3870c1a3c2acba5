using Net.Core.Recovery;
using Net.Core.Time;

namespace Net.Core.Connections;

/// <summary>Is told, in values, what a connection does: a trace for whoever looks for a fault (Diagnostics).</summary>
/// <remarks>
/// It listens only: the connection is the same with it or without, byte for byte. It is called by whoever calls the connection, must not
/// throw, and must not keep the spans. A connection that nobody observes pays one comparison with null per packet.
/// </remarks>
internal interface IConnectionObserver : ILossObserver
{
    /// <summary>A packet is about to be sealed.</summary>
    /// <param name="payload">Its plaintext frames.</param>
    void OnPacketSent(in PacketTrace packet, ReadOnlySpan<byte> payload, Instant now);

    /// <summary>A packet was opened, and is not a duplicate; its frames are not processed yet, and may be malformed.</summary>
    void OnPacketReceived(in PacketTrace packet, ReadOnlySpan<byte> payload, Instant now);

    /// <summary>A packet came that was not opened.</summary>
    /// <param name="length">Bytes, as far as its end is known.</param>
    void OnPacketNotRead(PacketKind kind, int length, PacketFate fate, Instant now);

    /// <summary>A Version Negotiation packet that the connection heeds.</summary>
    void OnVersionNegotiation(ReadOnlySpan<uint> offered, Instant now);

    /// <summary>The connection was called and has come to rest: what is different from before has happened in between.</summary>
    void OnStep(in ConnectionView view, Instant now);

    /// <summary>A step of a hand-over (docs/hand-over.md).</summary>
    void OnOwnership(OwnershipStep step, ulong epoch, Instant now);

    /// <summary>The application protocol tells of itself.</summary>
    void OnApplicationEvent(IApplicationEvent e, Instant now)
    {
        // Who looks at packets alone need not listen.
    }

    /// <summary>Nothing more comes of this connection here.</summary>
    void OnReleased();
}

/// <summary>What a connection passes through when it is written down and goes on, here or elsewhere.</summary>
internal enum OwnershipStep
{
    Frozen,
    Exported,
    Thawed,
    Imported,
    Resumed,
    Destroyed,
}
