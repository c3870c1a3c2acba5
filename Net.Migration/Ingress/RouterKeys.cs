using Net.Migration.Link;

namespace Net.Migration.Ingress;

/// <summary>What forwarding takes of the federation's keys; the rest is for those who hold the directory.</summary>
/// <param name="Tags">Tags datagrams between ingress and node.</param>
/// <param name="Shards">Reads connection IDs.</param>
internal sealed record RouterKeys(KeyRing Tags, ShardReader Shards);
