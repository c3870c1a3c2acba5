using Net.Core.Connections;
using Net.Tests.Scenarios.Machines;

namespace Net.Tests.Scenarios;

/// <summary>Nodes whose wall clock is set while they serve: tickets, tokens and 0-RTT go by it, connections and leases do not.</summary>
[TestClass]
public sealed class ClockJumpTests
{
    private const int Bytes = 5_000;
    private const int Lines = 500;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Goal: a connection goes on whatever the wall clocks say, across moves before and behind their jumps, and a client that comes back with a ticket is
    /// served: with its session where its ticket is neither from the future nor out of date, else by a handshake as if it had none.
    /// </summary>
    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(-1)]
    [DataRow(24 * 365)]
    public void A_wall_clock_that_jumps_ends_no_connection(int hours)
    {
        Federation federation = new(1);
        SimulatedClient client = federation.AddClient();
        ClientView running = client.Request("GET", $"/counter/{Lines}");
        federation.RunUntil(() => running.Received > 0, s_limit, "served");

        federation.WallClockOff = TimeSpan.FromHours(hours);
        // Longer than a shard believes what it has read.
        federation.Run(TimeSpan.FromMilliseconds(500));
        Visit(federation, client, isTicketGood: hours is 0 or 1);
        Move(federation, "beta");
        Visit(federation, client);

        // And back, which is a jump as well.
        federation.WallClockOff = default;
        federation.Run(TimeSpan.FromMilliseconds(500));
        Visit(federation, client);
        Move(federation, "alpha");
        Visit(federation, client);
        Assert.IsFalse(running.IsOver);
        federation.RunUntil(() => running.IsOver, s_limit, "over");
        Assert.IsTrue(running is { Status: 200, Received: Lines * 8, Error: null }, $"{running}\n{federation.Describe()}");
        federation.AssertOneOwner();
        Assert.AreEqual(3UL, federation.Record.Epoch);
    }

    private static void Move(Federation federation, string to)
    {
        Move move = federation.Migrate(to);
        federation.RunUntil(() => move.IsOver, s_limit, $"moved to {to}");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}\n{federation.Describe()}");
    }

    private static void Visit(Federation federation, SimulatedClient client, bool? isTicketGood = null)
    {
        (Connection connection, ClientView view) = client.Again($"/bytes/{Bytes}");
        federation.RunUntil(() => view.IsOver, s_limit, "served again");
        Assert.IsTrue(view is { Status: 200, Received: Bytes, Error: null }, $"{view}\n{federation.Describe()}");
        if (isTicketGood is bool expected)
        {
            Assert.AreEqual(expected, connection.Session!.IsResumed);
        }
    }
}
