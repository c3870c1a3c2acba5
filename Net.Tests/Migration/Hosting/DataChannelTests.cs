using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

/// <summary>A node's datagrams while one ingress takes the place of another.</summary>
[TestClass]
public sealed class DataChannelTests
{
    private const uint Shard = 7;

    private static readonly UdpAddress Node = Address("10.0.0.1:1"), First = Address("10.0.0.2:2"), Second = Address("10.0.0.2:3");
    private static readonly UdpAddress Client = Address("192.0.2.7:7777"), Public = Address("192.0.2.1:443");
    private static readonly FederationKeys Keys = FederationKeys.Create(new byte[FederationKeys.EntropyLength]);

    private readonly List<string> _sent = [];
    private readonly IngressTags _tags = new(Keys.Tag, 1, 2);
    private readonly Runner _runner = new() { Now = new(1_000_000) };

    /// <summary>Goal: what is for clients when the ingress has ended waits for the next one, and goes there in order, before what comes then.</summary>
    [TestMethod]
    public void What_is_sent_without_an_ingress_waits_for_the_next_one()
    {
        DataChannel channel = Serving();
        Send(channel, 1);
        channel.AwaitIngress();
        Send(channel, 2);
        Send(channel, 3);
        AssertSent("10.0.0.2:2 Data 1");
        channel.SetIngress(1, Second);
        Send(channel, 4);
        AssertSent("10.0.0.2:2 Data 1", "10.0.0.2:3 Data 2", "10.0.0.2:3 Data 3", "10.0.0.2:3 Data 4");
    }

    /// <summary>Goal: a node whose lease has run out meanwhile is silent until it is renewed: somebody else may own the component by now.</summary>
    [TestMethod]
    public void What_waits_needs_a_lease()
    {
        DataChannel channel = Serving();
        channel.AwaitIngress();
        Send(channel, 1);
        _runner.Now = channel.LeaseEnd;
        channel.SetIngress(1, Second);
        AssertSent();
        channel.LeaseEnd = _runner.Now + TimeSpan.FromSeconds(1);
        AssertSent("10.0.0.2:3 Data 1");
    }

    /// <summary>Goal: what waits under one epoch is never sent under another one, nor by a node that has given the component away.</summary>
    [TestMethod]
    [DataRow(3ul)]
    [DataRow(4ul)]
    public void What_waits_is_of_its_epoch(ulong next)
    {
        DataChannel channel = Serving();
        channel.AwaitIngress();
        Send(channel, 1);
        if (next == 3)
        {
            channel.Enter(DataMode.Idle, 3);
        }

        channel.Enter(DataMode.Serving, next);
        channel.SetIngress(1, Second);
        AssertSent();
    }

    /// <summary>Goal: a failed freeze costs nothing of what waited before it.</summary>
    [TestMethod]
    public void What_waits_outlives_a_freeze()
    {
        DataChannel channel = Serving();
        channel.AwaitIngress();
        Send(channel, 1);
        channel.Enter(DataMode.Frozen, 3);
        channel.SetIngress(1, Second);
        AssertSent();
        channel.Enter(DataMode.Serving, 3);
        Send(channel, 2);
        AssertSent("10.0.0.2:3 Data 1", "10.0.0.2:3 Data 2");
    }

    /// <summary>
    /// Goal: a batch of which a part had left when the ingress went waits whole, and what is sent next begins at its beginning: also when the batch is no more to be sent at all, and a
    /// marker. Method: a socket that takes one segment, is full, and goes on where it was.
    /// </summary>
    [TestMethod]
    [DataRow("waits", "1", "1", "2", "3")]
    [DataRow("dropped", "1", "3")]
    [DataRow("marker", "1", "marker", "1", "2", "3")]
    public void What_is_interrupted_is_no_start_of_the_next(string then, params string[] expected)
    {
        HalfSocket socket = new(Node, datagram =>
        {
            Assert.IsTrue(_tags.TryOpen(datagram, out IngressHeader header));
            _sent.Add(header.IsMarker ? "marker" : $"{datagram[^1]}");
        });
        DataChannel channel = Serving(socket);
        byte[] batch = new byte[2 * (channel.Headroom + 1)];
        (batch[channel.Headroom], batch[^1]) = (1, 2);
        Transmit transmit = new(new(Client, Public, 1), 1, 2, batch.Length, Ecn.NotEct);
        Assert.IsFalse(channel.TrySend(batch, transmit));
        socket.Room = int.MaxValue;
        Instant end = channel.LeaseEnd;
        switch (then)
        {
            case "waits":
                channel.AwaitIngress();
                break;
            case "dropped":
                channel.LeaseEnd = _runner.Now;
                break;
            default:
                channel.SendMarker(resume: false, 3);
                break;
        }

        Assert.IsTrue(channel.TrySend(batch, transmit));
        channel.LeaseEnd = end;
        channel.SetIngress(1, Second);
        Send(channel, 3);
        AssertSent(expected);
    }

    /// <summary>Goal: however long there is no ingress, what waits takes no more than its room.</summary>
    [TestMethod]
    public void What_waits_is_bounded()
    {
        UnsentDatagrams unsent = new();
        byte[] buffer = new byte[1 << 16];
        Transmit transmit = new(default, 1, 1, buffer.Length, Ecn.NotEct);
        int taken = 0;
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < 100; i++)
            {
                unsent.Keep(buffer, transmit);
            }

            for (taken = 0; unsent.TryTake(out byte[] bytes, out _); taken += bytes.Length)
            {
            }
        }

        Assert.AreEqual(UnsentDatagrams.MaxBytes, taken, "also when there was room again");
    }

    /// <summary>Goal: what an ingress has sent before its end, and is read when its successor has introduced itself, is the client's all the same.</summary>
    [TestMethod]
    public void What_the_ingress_before_has_sent_is_taken()
    {
        DataChannel channel = Serving();
        channel.SetIngress(1, Second);
        Assert.AreEqual((true, 1u), Receive(channel, First));
        Assert.AreEqual((false, 0u), Receive(channel, Address("10.0.0.9:9")), "of an ingress that nobody knows");
    }

    /// <summary>Goal: when it is another node's by then it goes back to where the ingress is now, for nobody reads at its former address.</summary>
    [TestMethod]
    public void What_the_ingress_before_has_sent_is_handed_back_to_the_next_one()
    {
        DataChannel channel = Serving();
        channel.SetIngress(1, Second);
        channel.Enter(DataMode.Idle, 0);
        Assert.IsFalse(Receive(channel, First).Accepted);
        AssertSent("10.0.0.2:3 HandBack 9");
    }

    /// <summary>Goal: addresses of ingresses of long ago do not pile up.</summary>
    [TestMethod]
    public void Former_addresses_are_forgotten()
    {
        DataChannel channel = Serving();
        for (ushort port = 10; port < 10 + DataChannel.MaxFormer + 1; port++)
        {
            channel.SetIngress(1, First.WithPort(port));
        }

        Assert.IsFalse(Receive(channel, First).Accepted);
        Assert.IsTrue(Receive(channel, First.WithPort(9 + DataChannel.MaxFormer)).Accepted);
    }

    private static UdpAddress Address(string text) => UdpAddress.TryParse(text, out UdpAddress address) ? address : throw new ArgumentException(text);

    private DataChannel Serving() => Serving(new MemoryChannel(Node, (MemoryChannel _, in NetworkPath path, byte[] datagram, Ecn _) =>
    {
        Assert.IsTrue(_tags.TryOpen(datagram, out IngressHeader header));
        _sent.Add($"{path.Remote} {header.Type} {datagram[^1]}");
    }));

    private DataChannel Serving(IDatagramChannel socket)
    {
        DataChannel channel = new(socket, new(Keys.Tag, 1, 2), Shard, _runner);
        channel.SetIngress(1, First);
        channel.LeaseEnd = _runner.Now + TimeSpan.FromSeconds(1);
        channel.Enter(DataMode.Serving, 3);
        return channel;
    }

    private static void Send(DataChannel channel, byte body)
    {
        byte[] buffer = new byte[channel.Headroom + 1];
        buffer[^1] = body;
        Assert.IsTrue(channel.TrySend(buffer, new(new(Client, Public, 1), 1, 1, buffer.Length, Ecn.NotEct)));
    }

    private (bool Accepted, uint Ingress) Receive(DataChannel channel, UdpAddress from)
    {
        byte[] bytes = new byte[IngressHeader.Length + 1];
        bytes[^1] = 9;
        _tags.Write(bytes, new() { Type = IngressDatagram.Data, Epoch = 3, Shard = Shard, Client = Client, Public = Public });
        Span<byte> datagram = bytes;
        NetworkPath path = new(from, Node, 0);
        Ecn ecn = default;
        return (channel.TryUnwrap(ref datagram, ref path, ref ecn), path.Ingress);
    }

    private void AssertSent(params string[] expected) => CollectionAssert.AreEqual(expected, _sent);

    /// <summary>Is full behind its first datagram, and goes on behind it, as a real one.</summary>
    private sealed class HalfSocket(UdpAddress local, Action<byte[]> sent) : IDatagramChannel
    {
        private int _progress;

        public int Room { get; set; } = 1;

        public UdpAddress Local => local;

        public int Headroom => 0;

        public bool TrySend(Span<byte> buffer, in Transmit transmit)
        {
            int size = transmit.Segments > 1 ? transmit.SegmentSize : transmit.Length;
            while (_progress < transmit.Length)
            {
                if (Room-- == 0)
                {
                    return false;
                }

                sent(buffer.Slice(_progress, size).ToArray());
                _progress += size;
            }

            _progress = 0;
            return true;
        }

        public bool TryReceive(ReceiveBatch batch) => false;

        public void Wait(TimeSpan timeout)
        {
        }

        public void Wake()
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class Runner : IComponentRunner
    {
        public bool RunsHandlersInline => true;

        public Instant Now { get; set; }

        public Func<long> WallClock => () => 0;

        public IAsyncDisposable Start(ComponentShard component, string name) => throw new NotSupportedException();
    }
}
