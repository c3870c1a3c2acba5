namespace Net.Core.Wire;

/// <summary>Versions on the wire (RFC 9000, section 15; RFC 9369, section 3.1).</summary>
internal static class QuicVersion
{
    /// <summary>Not a version: a long header with it is a Version Negotiation packet (RFC 9000, section 17.2.1).</summary>
    public const uint Negotiation = 0;

    public const uint V1 = 0x0000_0001;

    public const uint V2 = 0x6b33_43cf;

    public static bool IsKnown(uint version) => version is V1 or V2;

    /// <summary>One of the reserved versions, made of bits that mean nothing.</summary>
    public static uint Reserved(uint random) => (random & 0xF0F0_F0F0) | 0x0A0A_0A0A;

    /// <summary>0x?a?a?a?a is reserved to exercise version negotiation: never supported, never an error to see (RFC 9000, section 15).</summary>
    public static bool IsReserved(uint version) => (version & 0x0F0F_0F0F) == 0x0A0A_0A0A;
}
