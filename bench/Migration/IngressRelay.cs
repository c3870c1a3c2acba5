using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Bench.Migration;

/// <summary>What the ingress costs with the kernel, over sockets, next to a relay that only receives and sends: what the kernel alone costs.</summary>
/// <remarks>A node sends bursts, a client answers each batch that it gets with an acknowledgement, and the node keeps so much in flight: a download without QUIC.</remarks>
internal static class IngressRelay
{
    private const int Payload = 1452;
    private const int Acknowledgement = 40;
    private const int Window = 768 * 1024;
    private const uint ShardNumber = 7;

    /// <summary>Clients that differ in their address: what goes to them cannot leave as one send.</summary>
    private const int Clients = 64;

    private static readonly string[] s_threads = ["ingress public", "ingress nodes"];

    public static void Run(FederationKeys keys, int rounds)
    {
        foreach ((int segments, int flows, long bytes) in ((int, int, long)[])[(42, 1, 1L << 30), (8, 1, 1L << 29), (1, Clients, 1L << 28)])
        {
            for (int round = 0; round < rounds; round++)
            {
                Print("the kernel alone", segments, flows, bytes, Measure(isBare: true, keys, segments, flows, bytes));
                Print("the ingress", segments, flows, bytes, Measure(isBare: false, keys, segments, flows, bytes));
            }
        }
    }

    private static void Print(string name, int segments, int flows, long bytes, (double Public, double Nodes, long Packets, long Answers) cost) =>
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {segments,2} packets a send, {flows,2} clients, {name,-16}: to clients {cost.Nodes / bytes * (1 << 30):0.000}, to the node {cost.Public / bytes * (1 << 30):0.000}, both {(cost.Public + cost.Nodes) / bytes * (1 << 30):0.000} CPU-s/GiB; {cost.Packets / cost.Nodes:0} packets/s and core to clients, {cost.Answers / cost.Public:0} to the node"));

    private static UdpAddress Loopback(int last, int port) => UdpAddress.FromEndPoint(new(new IPAddress([127, 0, 0, (byte)last]), port));

    private static (double Public, double Nodes, long Packets, long Answers) Measure(bool isBare, FederationKeys keys, int segments, int flows, long bytes)
    {
        using IDatagramChannel node = UdpChannel.Bind(Loopback(1, 0)), client = UdpChannel.Bind(UdpAddress.FromEndPoint(new(IPAddress.Any, 0)));
        IDatagramChannel clients = UdpChannel.Bind(Loopback(1, 0)), nodes = UdpChannel.Bind(Loopback(1, 0));
        int port = client.Local.ToEndPoint().Port;
        UdpAddress toNodes = nodes.Local, toClients = clients.Local;
        int headroom = isBare ? 0 : IngressHeader.Length;
        using IDisposable relay = isBare ? new BareRelay(clients, nodes, node.Local, [.. Enumerable.Range(1, flows).Select(last => Loopback(last, port))]) : Start(clients, nodes, keys, node.Local);

        IngressTags writer = new(keys.Tag, 1, 2);
        byte[][] bursts = [.. Enumerable.Range(0, flows).Select(flow =>
        {
            byte[] burst = new byte[segments * (headroom + Payload)];
            for (int at = 0; !isBare && at < burst.Length; at += headroom + Payload)
            {
                writer.Write(burst.AsSpan(at), new() { Type = IngressDatagram.Data, Epoch = 1, Shard = ShardNumber, Client = Loopback(1 + flow, port), Public = toClients });
            }

            return burst;
        })];

        long answers = 0;
        bool isOver = false;
        Thread sink = new(() =>
        {
            ReceiveBatch batch = new();
            byte[] answer = new byte[Acknowledgement];
            answer[0] = 0x40;
            CidLayout.Write(answer.AsSpan(1), 0, ShardNumber, RandomNumberGenerator.GetBytes(CidLayout.NonceLength), keys.Cid.Current.DeriveCipher());
            for (long received = 0; !Volatile.Read(ref isOver);)
            {
                if (!client.TryReceive(batch))
                {
                    client.Wait(TimeSpan.FromMilliseconds(100));
                    continue;
                }

                foreach (ReceiveBatch.Datagram datagram in batch)
                {
                    received += datagram.Bytes.Length;
                }

                answers++;
                BinaryPrimitives.WriteInt64LittleEndian(answer.AsSpan(Acknowledgement - sizeof(long)), received);
                _ = client.TrySend(answer, new(new(toClients, default, 0), answer.Length, 1, answer.Length, Ecn.NotEct));
            }
        })
        {
            Name = "bench sink",
        };
        sink.Start();

        ReceiveBatch acknowledged = new();
        (double Public, double Nodes) before = default;
        long sent = 0, known = 0, packets = 0, answersBefore = 0;
        int next = 0;
        // The first part warms up.
        for (long warm = bytes / 4, total = warm + bytes; known < total;)
        {
            if (before == default && known >= warm)
            {
                (before, packets, answersBefore) = ((ThreadClock.Seconds(s_threads[0]), ThreadClock.Seconds(s_threads[1])), 0, answers);
            }

            while (sent - known < Window && sent < total)
            {
                byte[] burst = bursts[next++ % flows];
                _ = node.TrySend(burst, new(new(toNodes, default, 0), headroom + Payload, segments, burst.Length, Ecn.NotEct));
                sent += burst.Length - (segments * headroom);
                packets += segments;
            }

            if (!node.TryReceive(acknowledged))
            {
                long stood = known;
                node.Wait(TimeSpan.FromMilliseconds(50));
                if (!node.TryReceive(acknowledged) && stood == known)
                {
                    // Lost on the way: counts as received.
                    known = long.Max(known, sent);
                    continue;
                }
            }

            foreach (ReceiveBatch.Datagram datagram in acknowledged)
            {
                known = long.Max(known, BinaryPrimitives.ReadInt64LittleEndian(datagram.Bytes[^sizeof(long)..]));
            }
        }

        (double, double, long, long) cost = (ThreadClock.Seconds(s_threads[0]) - before.Public, ThreadClock.Seconds(s_threads[1]) - before.Nodes, packets, answers - answersBefore);
        Volatile.Write(ref isOver, true);
        sink.Join();
        return cost;
    }

    private static IngressForwarder Start(IDatagramChannel clients, IDatagramChannel nodes, FederationKeys keys, UdpAddress node)
    {
        IngressForwarder forwarder = new(clients, nodes, new RouterOptions { DefaultComponent = "bench" }, keys.ForRouters());
        Member member = new("a", 1);
        forwarder.OnMember(new(member, node, [new("bench", node, [])]), isAlive: true);
        forwarder.OnRecord(new("bench", member, Member.None, 1, ShardNumber, default));
        forwarder.OnSynchronized();
        forwarder.Start([]);
        return forwarder;
    }

    /// <summary>Receives and sends by the calls that the ingress makes, batch by batch, to as many addresses, and looks at nothing.</summary>
    private sealed class BareRelay : IDisposable
    {
        private readonly IDatagramChannel _clients, _nodes;
        private readonly Thread[] _threads;
        private volatile bool _isOver;

        public BareRelay(IDatagramChannel clients, IDatagramChannel nodes, UdpAddress node, UdpAddress[] remotes)
        {
            (_clients, _nodes) = (clients, nodes);
            _threads = [new(() => Run(clients, nodes, [node])) { Name = s_threads[0] }, new(() => Run(nodes, clients, remotes)) { Name = s_threads[1] }];
            Array.ForEach(_threads, thread => thread.Start());
        }

        public void Dispose()
        {
            _isOver = true;
            _clients.Wake();
            _nodes.Wake();
            Array.ForEach(_threads, thread => thread.Join());
            _clients.Dispose();
            _nodes.Dispose();
        }

        private void Run(IDatagramChannel from, IDatagramChannel to, UdpAddress[] remotes)
        {
            ReceiveBatch batch = new(32 * ReceiveBatch.ReservationSize);
            List<SendPiece> pieces = [];
            List<Transmit> transmits = [];
            for (int next = 0; !_isOver;)
            {
                if (!from.Receive(batch, TimeSpan.FromSeconds(1)))
                {
                    continue;
                }

                pieces.Clear();
                transmits.Clear();
                int behind = 0;
                foreach (ReceiveBatch.Datagram datagram in batch)
                {
                    if (behind-- > 0)
                    {
                        // Part of the burst before.
                        continue;
                    }

                    ReceiveBatch.Burst burst = batch[transmits.Count];
                    int segments = (burst.Bytes.Length + burst.SegmentSize - 1) / burst.SegmentSize;
                    pieces.Add(datagram.Piece with { Length = burst.Bytes.Length });
                    transmits.Add(new(new(remotes[next++ % remotes.Length], default, 0), burst.SegmentSize, segments, burst.Bytes.Length, Ecn.NotEct));
                    behind = segments - 1;
                }

                _ = to.TrySendMany(CollectionsMarshal.AsSpan(pieces), CollectionsMarshal.AsSpan(transmits));
            }
        }
    }
}
