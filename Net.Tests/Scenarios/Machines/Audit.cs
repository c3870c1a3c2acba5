using Net.Core.Connections;
using Net.Core.Wire;
using Net.Migration.Ingress;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios.Machines;

/// <summary>Sees every datagram of every node, and fails the run in which two nodes speak for one connection.</summary>
internal sealed class Audit(Federation federation)
{
    private readonly NonceLedger _ledger = new();
    private readonly Dictionary<ConnectionId, (ulong Epoch, SimulatedNode Node)> _senders = [];
    private readonly Dictionary<(uint Shard, ulong Epoch), UdpAddress> _passed = [];
    private readonly Dictionary<(uint Ingress, uint Shard), ulong> _highest = [];

    /// <summary>Packets that were seen.</summary>
    public long Packets => _ledger.Packets;

    /// <summary>A node sends something; it must be among the living, by the count of some ingress: its lease ends before that, by a clock that runs.</summary>
    public void OnNodeSends(SimulatedNode node, in IngressHeader header)
    {
        if (header.Type is IngressDatagram.Data && !node.Machine.HasLostTime)
        {
            // One that is down may have heard it last.
            Assert.IsFalse(federation.Ingresses.All(ingress => ingress.Machine.IsUp && ingress.CountsAsDead(node.Member)), $"{node.Member} sends after its lease");
        }
    }

    /// <summary>A node sends 1-RTT packets: never with a number that was used, never after somebody else, never under an older epoch.</summary>
    public void OnSealed(SimulatedNode node, Connection connection, ulong epoch, ulong first)
    {
        ConnectionId id = connection.Parts.Identity.OriginalDestination;
        _ledger.OnSealed(id, isServer: true, first, connection.Parts.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next);
        if (_senders.TryGetValue(id, out (ulong Epoch, SimulatedNode Node) last))
        {
            Assert.IsTrue(epoch >= last.Epoch, $"{node.Member} sends under epoch {epoch} after {last.Node.Member} under {last.Epoch}");
            Assert.IsTrue(epoch > last.Epoch || node == last.Node, $"{node.Member} and {last.Node.Member} both send under epoch {epoch}");
        }

        _senders[id] = (epoch, node);
    }

    /// <summary>The fence lets a datagram pass: of one node per shard and epoch, whichever ingress it is, and of no epoch after a higher one at the same ingress.</summary>
    public void OnPassed(uint ingress, in IngressHeader header, UdpAddress from)
    {
        if (!_passed.TryAdd((header.Shard, header.Epoch), from))
        {
            Assert.AreEqual(_passed[(header.Shard, header.Epoch)], from, $"two nodes pass the fence of shard {header.Shard} at epoch {header.Epoch}");
        }

        Assert.IsTrue(header.Epoch >= _highest.GetValueOrDefault((ingress, header.Shard)), "an old epoch passes the fence");
        _highest[(ingress, header.Shard)] = header.Epoch;
    }
}
