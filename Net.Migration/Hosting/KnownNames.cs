using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Which record answers for which name, as far as this node has heard: what a connection's component must not answer for.</summary>
/// <remarks>Written on the actor, read by every component's thread: a new table takes the place of the old one.</remarks>
internal sealed class KnownNames
{
    private volatile Dictionary<string, string> _records = new(StringComparer.Ordinal);

    public void Add(NodeInfo node)
    {
        Dictionary<string, string> records = new(_records, StringComparer.Ordinal);
        foreach (HostInfo host in node.Hosts)
        {
            foreach (string name in host.Names.Prepend(host.Component))
            {
                if (records.Count < Ownership.MaxComponents)
                {
                    _ = records.TryAdd(name, host.Component);
                }
            }
        }

        if (records.Count > _records.Count)
        {
            _records = records;
        }
    }

    /// <summary>False when the authority names another component: the request is misdirected (RFC 9110, section 15.5.20).</summary>
    public bool Serves(string component, string authority) =>
        !Names.TryLabel(authority, out string? label) || !_records.TryGetValue(label, out string? record) || record == component;
}
