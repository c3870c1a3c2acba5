using System.Diagnostics;
using System.Globalization;
using System.Net;
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

/// <summary>What the ingress adds to a datagram: without the kernel, packet by packet; and over sockets, as latency.</summary>
internal static class IngressBench
{
    private const int Payload = 1200;
    private const uint ShardNumber = 7;

    public static void Run(int packets)
    {
        byte[] secrets = RandomNumberGenerator.GetBytes(FederationKeys.EntropyLength);
        FederationKeys keys = FederationKeys.Create(secrets);
        Console.WriteLine("ingress");
        foreach ((string name, int batch, int flows) in (ReadOnlySpan<(string, int, int)>)[("one by one, one flow", 1, 1), ("one by one, 64 flows in turn", 1, 64), ("in batches of 40, one flow", 40, 1)])
        {
            (double towards, double back) = (Towards(keys, packets, batch, flows), Back(keys, packets, batch, flows));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {name,-30} to the node {towards,6:0} ns, {1e9 / towards,9:0}/s; to the client {back,6:0} ns, {1e9 / back,9:0}/s and core (without the kernel); {(towards + back) / 2 * (1 << 30) / Payload / 1e9:0.00} CPU-s/GiB"));
        }

        Latency(keys);
        IngressRelay.Run(keys, rounds: 2);
    }

    private static UdpAddress Address(int port) => UdpAddress.FromEndPoint(new(IPAddress.Loopback, port));

    private static IngressForwarder Start(IDatagramChannel clients, IDatagramChannel nodes, FederationKeys keys, UdpAddress node)
    {
        IngressForwarder forwarder = new(clients, nodes, new RouterOptions { DefaultComponent = "bench" }, keys.ForRouters());
        Member member = new("a", 1);
        forwarder.OnMember(new(member, node, [new("bench", node, [])]), isAlive: true);
        forwarder.OnRecord(new("bench", member, Member.None, 1, ShardNumber, default));
        forwarder.OnSynchronized();
        return forwarder;
    }

    private static byte[] ShortHeader(FederationKeys keys)
    {
        byte[] datagram = RandomNumberGenerator.GetBytes(Payload);
        datagram[0] = 0x40;
        CidLayout.Write(datagram.AsSpan(1), 0, ShardNumber, RandomNumberGenerator.GetBytes(CidLayout.NonceLength), keys.Cid.Current.DeriveCipher());
        return datagram;
    }

    private static double Towards(FederationKeys keys, int packets, int batch, int flows)
    {
        Feed clients = new(Address(1), packets, batch, [.. Enumerable.Range(0, flows).Select(i => (ShortHeader(keys), Address(1000 + i)))]);
        return Measure(clients, new(Address(2), 0, 1, []), keys);
    }

    private static double Back(FederationKeys keys, int packets, int batch, int flows)
    {
        IngressTags writer = new(keys.Tag, 1, 2);
        Feed nodes = new(Address(2), packets, batch, [.. Enumerable.Range(0, flows).Select(i =>
        {
            byte[] datagram = new byte[IngressHeader.Length + Payload];
            writer.Write(datagram, new() { Type = IngressDatagram.Data, Epoch = 1, Shard = ShardNumber, Client = Address(1000 + i), Public = Address(1) });
            return (datagram, Address(3));
        })]);
        return Measure(new(Address(1), 0, 1, []), nodes, keys);
    }

    /// <returns>CPU nanoseconds of the forwarding thread per packet.</returns>
    private static double Measure(Feed clients, Feed nodes, FederationKeys keys)
    {
        using IngressForwarder forwarder = Start(clients, nodes, keys, Address(3));
        Feed fed = clients.Total > 0 ? clients : nodes;
        string thread = fed == clients ? "ingress public" : "ingress nodes";
        forwarder.Start([]);
        fed.Half.Wait();
        double before = ThreadClock.Seconds(thread);
        fed.Go.Set();
        fed.Done.Wait();
        return (ThreadClock.Seconds(thread) - before) * 1e9 / (fed.Total - (fed.Total / 2));
    }

    private static void Latency(FederationKeys keys)
    {
        using IDatagramChannel node = UdpChannel.Bind(Address(0));
        using IDatagramChannel client = UdpChannel.Bind(Address(0));
        double direct = PingPong(keys, client, node, node.Local);
        IDatagramChannel clients = UdpChannel.Bind(Address(0)), nodes = UdpChannel.Bind(Address(0));
        using IngressForwarder forwarder = Start(clients, nodes, keys, node.Local);
        forwarder.Start([]);
        double through = PingPong(keys, client, node, clients.Local);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  there and back, median: direct {direct:0} us, through the ingress {through:0} us: {(through - direct) / 2:0} us added one way, {through - direct:0} us per round trip"));
    }

    private static double PingPong(FederationKeys keys, IDatagramChannel client, IDatagramChannel node, UdpAddress server)
    {
        Thread echo = new(() =>
        {
            ReceiveBatch batch = new();
            for (int n = 0; n < 3000;)
            {
                if (!node.TryReceive(batch))
                {
                    node.Wait(TimeSpan.FromSeconds(1));
                    continue;
                }

                foreach (ReceiveBatch.Datagram datagram in batch)
                {
                    n++;
                    _ = node.TrySend(datagram.Bytes, new(new(datagram.Path.Remote, node.Local, 0), datagram.Bytes.Length, 1, datagram.Bytes.Length, Ecn.NotEct));
                }
            }
        });
        echo.Start();
        ReceiveBatch received = new();
        byte[] ping = ShortHeader(keys);
        List<double> times = [];
        for (int n = 0; n < 3000; n++)
        {
            long begun = Stopwatch.GetTimestamp();
            _ = client.TrySend(ping, new(new(server, client.Local, 0), ping.Length, 1, ping.Length, Ecn.NotEct));
            while (!client.TryReceive(received))
            {
                client.Wait(TimeSpan.FromSeconds(1));
            }

            times.Add(Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
        }

        echo.Join();
        times.Sort();
        return times[times.Count / 2];
    }

    /// <summary>Gives out the same datagrams again and again, and swallows what is sent.</summary>
    private sealed class Feed(UdpAddress local, int total, int batchSize, (byte[] Bytes, UdpAddress From)[] datagrams) : IDatagramChannel
    {
        private readonly SemaphoreSlim _wake = new(0);
        private int _given;

        public int Total => total;

        public ManualResetEventSlim Half { get; } = new();

        public ManualResetEventSlim Go { get; } = new();

        public ManualResetEventSlim Done { get; } = new();

        public UdpAddress Local => local;

        public int Headroom => 0;

        public bool TryReceive(ReceiveBatch batch)
        {
            batch.Clear();
            if (_given >= total)
            {
                Done.Set();
                return false;
            }

            if (_given == total / 2)
            {
                // What is measured is warm.
                Half.Set();
                Go.Wait();
            }

            (byte[] bytes, UdpAddress from) = datagrams[_given / batchSize % datagrams.Length];
            _ = batch.TryReserve(out Span<byte> room);
            int count = int.Min(batchSize, (_given < total / 2 ? total / 2 : total) - _given);
            for (int i = 0; i < count; i++)
            {
                bytes.CopyTo(room[(i * bytes.Length)..]);
            }

            batch.Commit(count * bytes.Length, bytes.Length, new(from, local, 0), Ecn.NotEct);
            _given += count;
            return true;
        }

        public bool TrySend(Span<byte> buffer, in Transmit transmit) => true;

        public void Wait(TimeSpan timeout) => _wake.Wait(timeout);

        public void Wake() => _wake.Release();

        public void Dispose()
        {
            Half.Dispose();
            Go.Dispose();
            Done.Dispose();
            _wake.Dispose();
        }
    }
}
