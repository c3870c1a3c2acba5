using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>What the ingresses of a federation keep: its keys, and the roster that they were last rotated for.</summary>
internal interface IFederationSecrets
{
    FederationKeys Keys { get; }

    /// <summary>As stored, unchecked; null: there is none, and whoever has a certificate is a member.</summary>
    string? Roster { get; }

    /// <summary>Stores both at one instant, if both are still what they are here. What came of it is seen here, now or later.</summary>
    /// <exception cref="IOException">They cannot be stored, and are not.</exception>
    void Store(FederationKeys keys, string? roster);
}

/// <summary>The same in memory alone: for tests, and for the rehearsal of a move.</summary>
internal sealed class MemorySecrets(FederationKeys keys) : IFederationSecrets
{
    public FederationKeys Keys { get; private set; } = keys;

    public string? Roster { get; private set; }

    public void Store(FederationKeys keys, string? roster) => (Keys, Roster) = (keys, roster);
}
