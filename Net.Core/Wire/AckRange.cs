namespace Net.Core.Wire;

/// <summary>Packet numbers from <paramref name="Smallest"/> to <paramref name="Largest"/>, both included.</summary>
internal readonly record struct AckRange(ulong Smallest, ulong Largest);

/// <summary>Packets received with each ECN mark since the connection began (RFC 9000, section 19.3.2).</summary>
internal readonly record struct EcnCounts(ulong Ect0, ulong Ect1, ulong Ce);
