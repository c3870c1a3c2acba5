namespace Net.Core.Connections;

/// <summary>Whether what a connection has to say may be revealed to the client: acknowledgements, output and credit pass here.</summary>
/// <remarks>
/// It is open, always, unless somebody closes it. A replicated owner will close it until its standby holds what the words would promise:
/// whatever a client may have seen must survive the owner (docs/architecture.md, the promise ledger). While it is closed nothing of 1-RTT
/// leaves, and nothing is lost either: the frames wait in their parts, and no packet number is spent.
/// </remarks>
internal sealed class ReleaseGate
{
    public bool IsOpen { get; private set; } = true;

    public void Close() => IsOpen = false;

    public void Open() => IsOpen = true;
}
