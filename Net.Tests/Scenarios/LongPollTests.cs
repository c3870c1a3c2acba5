using Net.Core.Connections;
using Net.Tests.Scenarios.Machines;

namespace Net.Tests.Scenarios;

/// <summary>Requests that are answered long after the idle timeout, by servers that send nothing until then (RFC 9114, section 5.1).</summary>
[TestClass]
public sealed class LongPollTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(200);

    /// <summary>
    /// Goal: a response that is outstanding keeps the client's connection open, across a move and whichever end's timeout is the shorter one; without
    /// one, the connection ends with its idle timeout.
    /// </summary>
    [TestMethod]
    [DataRow(30, 30)]
    [DataRow(90, 8)]
    [DataRow(8, 90)]
    [DataRow(0, 0)]
    public void A_response_that_is_outstanding_keeps_the_connection(int clientSeconds, int serverSeconds)
    {
        Federation federation = new(1, configure: f =>
        {
            f.ClientConnections = ConnectionOptions.Default with { IdleTimeout = TimeSpan.FromSeconds(clientSeconds) };
            f.ServerConnections = ConnectionOptions.Default with { IdleTimeout = TimeSpan.FromSeconds(serverSeconds) };
        });
        SimulatedClient client = federation.AddClient();
        ClientView poll = client.Request("GET", "/poll/100");
        federation.Run(TimeSpan.FromSeconds(50));
        ulong before = client.Connection.Parts.Traffic.PacketsSent;
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => poll.IsOver, s_limit, "answered");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        Assert.AreEqual((204, null), (poll.Status, poll.Error));

        // Seldom enough: the shorter timeout's half, and no more than 25 s.
        int period = int.Min(clientSeconds, serverSeconds) is > 0 and int least ? int.Min(least / 2, 25) : 25;
        Assert.IsLessThanOrEqualTo((100 / period) + 5, (int)(client.Connection.Parts.Traffic.PacketsSent - before));
        if (clientSeconds > 0)
        {
            federation.RunUntil(() => !client.IsOpen, TimeSpan.FromSeconds(int.Min(clientSeconds, serverSeconds) + 1), "silent");
            Assert.AreEqual(CloseOrigin.IdleTimeout, client.Connection.CloseReason?.Origin);
        }
        else
        {
            federation.Run(TimeSpan.FromSeconds(2));
            Assert.IsTrue(client.Connection.Deadline.IsNever, "a connection without timeouts and without requests wants nothing");
        }
    }

    /// <summary>Goal: one who gives up asking no longer keeps the connection; a server that is dead is found out, and the request fails.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Nobody_is_waited_for_in_vain(bool isCancelled)
    {
        Federation federation = new(1, configure: f => f.ClientConnections = ConnectionOptions.Default);
        SimulatedClient client = federation.AddClient();
        ClientView poll = client.Request("GET", "/poll/100");
        federation.Run(TimeSpan.FromSeconds(2));
        if (isCancelled)
        {
            poll.Cancel();
        }
        else
        {
            federation.Outside = new() { LossOneIn = 1, MinDelay = federation.Outside.MinDelay, MaxDelay = federation.Outside.MaxDelay };
        }

        // The last PING but one was answered: half a timeout later the next one begins a whole one.
        federation.RunUntil(() => !client.IsOpen, TimeSpan.FromSeconds(isCancelled ? 31 : 46), "silent");
        Assert.AreEqual(CloseOrigin.IdleTimeout, client.Connection.CloseReason?.Origin);
        Assert.IsNotNull(poll.Error);
    }

    /// <summary>Goal: what a component's host says of header compression is what clients hear, on each node that owns it.</summary>
    [TestMethod]
    public void A_hosted_component_says_how_headers_are_compressed()
    {
        Federation federation = new(1, configure: f => f.Qpack = new() { DecoderTableCapacity = 123, BlockedStreams = 4, EncoderTableCapacity = 0 });
        for (int owner = 0; owner < 2; owner++)
        {
            SimulatedClient client = federation.AddClient();
            ClientView view = client.Request("GET", "/bytes/10");
            federation.RunUntil(() => view.IsOver, s_limit, "answered");
            Assert.AreEqual((123UL, 4UL), (client.Owner.Http3.Session.State.PeerSettings.QpackMaxTableCapacity, client.Owner.Http3.Session.State.PeerSettings.QpackBlockedStreams));
            Move move = federation.Migrate("beta");
            federation.RunUntil(() => move.IsOver, s_limit, "moved");
        }
    }
}
