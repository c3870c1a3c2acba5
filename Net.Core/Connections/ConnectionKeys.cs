namespace Net.Core.Connections;

/// <summary>The secrets, shared by all owners that a connection may have, from which its IDs and reset tokens are made.</summary>
/// <param name="Number">Which generation of the federation's keys: it travels, the keys do not.</param>
/// <param name="Config">QUIC-LB configuration of this generation, 0 to 6.</param>
/// <param name="ConnectionIdKey">32 bytes.</param>
/// <param name="ResetKey">32 bytes.</param>
internal sealed record ConnectionKeys(uint Number, int Config, ReadOnlyMemory<byte> ConnectionIdKey, ReadOnlyMemory<byte> ResetKey)
{
    /// <summary>What session tickets of this generation are sealed with: any owner of a connection gives them, any node takes them.</summary>
    public Tls.TicketKey TicketKey => new(Number, ResetKey);

    /// <summary>Writes into IDs which thread of the port has their connection; null where a port has one thread only, and wherever connections move.</summary>
    public ThreadMark? Thread { get; init; }

    /// <summary>Encrypts the IDs of this generation. Null where there is nobody to route by them, and for generations from before IDs were encrypted: a connection keeps its IDs.</summary>
    public Crypto.CidCipher? Cipher { get; init; }

    /// <summary>Says nothing of the keys.</summary>
    public override string ToString() => $"keys {Number}";
}
