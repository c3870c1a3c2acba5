using System.Net;
using System.Net.Sockets;
using Net.Core.Io;
using Net.Migration.Hosting;

namespace Net.Tests.Migration.Hosting;

/// <summary>A public socket that outlives its users, one after the other. Every wait is bounded by <see cref="_stop"/>.</summary>
[TestClass]
public sealed class SocketHolderTests : IDisposable
{
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromSeconds(30));
    private readonly string _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => _stop.Dispose();

    /// <summary>Goal: one borrower at a time has the very socket; one that dies gives it back with what arrived meanwhile, one that says goodbye ends the holder.</summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public async Task A_socket_outlives_its_borrower()
    {
        using SocketHolder holder = SocketHolder.Open(new(IPAddress.Loopback, 0), _path, TimeSpan.FromSeconds(30));
        Task running = holder.RunAsync(_stop.Token);
        BorrowedSocket? first = await SocketHolder.TryBorrowAsync(_path, holder.LocalEndPoint, _stop.Token);
        using (Socket mine = new(first!.Handle))
        {
            Assert.AreEqual(holder.LocalEndPoint, mine.LocalEndPoint);
            await Assert.ThrowsExactlyAsync<AddressInUseException>(() => SocketHolder.TryBorrowAsync(_path, holder.LocalEndPoint, _stop.Token));
        }

        using Socket client = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        client.Connect(holder.LocalEndPoint);
        _ = await client.SendAsync(new byte[] { 7 }, _stop.Token);
        first.GiveBack();
        // As a `using` does behind it: the holder must not hear that the port is not needed any more.
        first.Dispose();

        BorrowedSocket? second = null;
        while (second is null)
        {
            try
            {
                second = await SocketHolder.TryBorrowAsync(_path, holder.LocalEndPoint, _stop.Token);
            }
            catch (AddressInUseException)
            {
                // The holder has not heard of the first one's end yet.
                await Task.Yield();
            }
        }

        using Socket other = new(second.Handle);
        byte[] received = new byte[8];
        Assert.AreEqual(1, await other.ReceiveAsync(received, _stop.Token));
        Assert.AreEqual(7, received[0]);
        second.Dispose();
        await running;
    }

    /// <summary>Goal: no client is blamed (408) for the time in which a held port waits for its next ingress.</summary>
    [TestMethod]
    public void A_client_has_more_patience_than_a_holder() => Assert.IsGreaterThan(SocketHolder.Linger, ComponentShard.Patience);

    /// <summary>Goal: nobody there is no error, and a port that is taken is one.</summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public async Task Without_a_holder_there_is_nothing_to_borrow()
    {
        Assert.IsNull(await SocketHolder.TryBorrowAsync(_path, new(IPAddress.Loopback, 1), _stop.Token));
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.ThrowsExactly<AddressInUseException>(() => SocketHolder.Open((IPEndPoint)taken.LocalEndPoint!, _path, TimeSpan.FromSeconds(1)));
    }
}
