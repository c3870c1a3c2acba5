namespace Net.Core.Wire;

/// <summary>The ECN field of an IP header, with its values there (RFC 3168, section 5). ECT(1) is the smaller one.</summary>
internal enum Ecn : byte
{
    NotEct = 0,
    Ect1 = 1,
    Ect0 = 2,
    Ce = 3,
}
