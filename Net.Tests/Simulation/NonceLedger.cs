using Net.Core.Wire;

namespace Net.Tests.Simulation;

/// <summary>Fails a run in which two owners of a connection spend one packet number: their AEAD nonces would be the same (RFC 9001, section 5.3).</summary>
internal sealed class NonceLedger
{
    private readonly Dictionary<(ConnectionId Connection, bool IsServer), ulong> _next = [];

    /// <summary>Packets seen.</summary>
    public long Packets { get; private set; }

    /// <param name="first">First number sealed.</param>
    /// <param name="next">One past the last.</param>
    public void OnSealed(ConnectionId connection, bool isServer, ulong first, ulong next)
    {
        ulong expected = _next.GetValueOrDefault((connection, isServer));
        if (first < expected)
        {
            Assert.Fail($"packet number {first} was sent before: the next unused one is {expected}");
        }

        Packets += (long)(next - first);
        _next[(connection, isServer)] = next;
    }
}
