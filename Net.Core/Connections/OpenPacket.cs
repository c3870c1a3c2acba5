using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>A packet whose plaintext stands in the datagram and which is not sealed yet.</summary>
/// <param name="Start">Its first byte in the datagram.</param>
/// <param name="LengthOffset">Where a long header's Length field waits, from <paramref name="Start"/>; 0 for a short header.</param>
/// <param name="NumberOffset">Where the packet number stands, from <paramref name="Start"/>.</param>
/// <param name="End">One past its plaintext in the datagram.</param>
/// <param name="FirstFrame">Index of its first frame in the list of what was written.</param>
/// <param name="ProbesPath">It holds PATH_CHALLENGE or PATH_RESPONSE.</param>
internal record struct OpenPacket(
    EncryptionLevel Level,
    int Start,
    int LengthOffset,
    int NumberOffset,
    int NumberLength,
    ulong Number,
    int End,
    int FirstFrame,
    bool IsAckEliciting,
    bool ProbesPath = false);
