namespace Net.Core.Connections;

/// <summary>What a connection derives numbers for that nobody may guess.</summary>
internal enum SecretPurpose : byte
{
    /// <summary>PATH_CHALLENGE in the packet of that number (RFC 9000, section 8.2.1).</summary>
    Challenge,

    /// <summary>The packet number that is left out next (section 21.4).</summary>
    Skip,

    /// <summary>Values that mean nothing (section 18.1).</summary>
    Grease,
}
