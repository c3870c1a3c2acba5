namespace Net.Core.Connections;

/// <summary>What a connection derives numbers for that nobody may guess.</summary>
internal enum SecretPurpose : byte
{
    /// <summary>PATH_CHALLENGE to the address in use (RFC 9000, section 8.2.1).</summary>
    Challenge,

    /// <summary>PATH_CHALLENGE to the address that was left (section 9.3.3).</summary>
    ChallengeElsewhere,

    /// <summary>The packet number that is left out next (section 21.4).</summary>
    Skip,

    /// <summary>Values that mean nothing (section 18.1).</summary>
    Grease,
}
