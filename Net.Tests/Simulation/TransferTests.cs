using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Tests.Simulation;

[TestClass]
public sealed class TransferTests
{
    /// <summary>Goal: two endpoints shake hands and the handshake is confirmed at both.</summary>
    [TestMethod]
    public void A_handshake_is_confirmed_at_both_ends()
    {
        World world = new(1);
        Peer client = new(world, "10.0.0.1:1000"), server = new(world, "10.0.0.2:443");
        Connection connection = client.Connect(server);

        world.RunUntil(() => connection.IsConfirmed, TimeSpan.FromSeconds(5));

        Assert.IsTrue(server.Accepted[0].IsConfirmed);
        CollectionAssert.AreEqual("test"u8.ToArray(), connection.Session!.Alpn.ToArray());
    }

    /// <summary>Goal: an upload over a bad network, whose server moves at a random moment, arrives byte for byte.</summary>
    [TestMethod]
    [Seeds(40)]
    public void An_upload_survives_loss_duplication_corruption_and_a_hand_over(ulong seed)
    {
        World world = new(seed) { Network = NetworkConditions.Bad };
        NonceLedger ledger = new();
        Peer client = new(world, "10.0.0.1:1000", ledger), alpha = new(world, "10.0.0.2:443", ledger), beta = new(world, "10.0.0.3:443", ledger);
        byte[] upload = new byte[200_000];
        world.Random.Fill(upload);
        List<byte> received = [];
        int sent = 0;
        StreamId stream = default;
        client.OnEvent = (c, e) =>
        {
            if (e.Kind == ConnectionEventKind.HandshakeCompleted)
            {
                Assert.IsTrue(c.TryOpen(unidirectional: false, out stream));
            }

            if (c.IsHandshakeComplete && c.IsOpen && sent < upload.Length)
            {
                sent += c.Write(stream, upload.AsSpan(sent), fin: true);
            }
        };
        alpha.OnEvent = beta.OnEvent = (c, e) =>
        {
            if (e.Kind != ConnectionEventKind.Stream)
            {
                return;
            }

            while (c.Peek(e.Stream.Id) is { IsEmpty: false } bytes)
            {
                received.AddRange(bytes);
                c.Consume(e.Stream.Id, bytes.Length);
            }
        };
        client.Connect(alpha);
        bool moved = false;
        void Move()
        {
            if (alpha.Accepted.Count == 0 || !alpha.Accepted[0].IsConfirmed || !alpha.Accepted[0].IsOpen)
            {
                world.After(TimeSpan.FromMilliseconds(10), Move);
                return;
            }

            Connection old = alpha.Accepted[0];
            old.Freeze(world.Now);
            SnapshotWriter writer = new(world.Now);
            old.Export(0, writer);
            ConnectionImage image = new();
            image.Apply(writer.Written);
            Connection connection = Connection.Import(image, ConnectionOptions.Default, Peer.Keys, world.Now);
            old.Destroy();
            alpha.Endpoint.Remove(old);
            // The network follows the connection, as an ingress would make it.
            world.Attach(alpha.Address, beta.Deliver);
            beta.ActAs = alpha.Address;
            connection.Thaw(1, world.Now);
            connection.Resume(samePath: true, speak: true, world.Now);
            beta.Endpoint.Adopt(connection);
            beta.Pump();
            moved = true;
        }

        world.After(world.Random.Between(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(800)), Move);
        world.RunUntil(() => received.Count >= upload.Length && moved, TimeSpan.FromSeconds(120));

        CollectionAssert.AreEqual(upload, received.ToArray());
        Assert.IsTrue(world.Totals.Lost > 0 && ledger.Packets > 0);
    }
}
