using System.Net.Sockets;
using Net.Migration.Hosting;

namespace Net.Tests.Migration.Hosting;

/// <summary>Doors of one name, one after the other.</summary>
[TestClass]
[OSCondition(OperatingSystems.Linux)]
public sealed class LocalSocketsTests : IDisposable
{
    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("ls").FullName;

    public required TestContext TestContext { get; set; }

    private string Path => System.IO.Path.Combine(_directory, "a.sock");

    public void Dispose() => System.IO.Directory.Delete(_directory, recursive: true);

    /// <summary>Goal: a process whose successor is there already ends later, and its end does not shut the successor's door.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task An_end_leaves_the_next_ones_door_open()
    {
        Socket first = LocalSockets.OpenDoor(Path);
        using Socket second = LocalSockets.OpenDoor(Path);
        first.Dispose();
        using Socket caller = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await caller.ConnectAsync(new UnixDomainSocketEndPoint(Path), TestContext.CancellationToken);
        using Socket met = await second.AcceptAsync(TestContext.CancellationToken);
        Assert.AreEqual(1, await caller.SendAsync(new byte[1], TestContext.CancellationToken));
        Assert.AreEqual(Path, System.IO.Directory.GetFileSystemEntries(_directory).Single(), "nothing else is left lying about");
    }

    /// <summary>Goal: a door that cannot get its name leaves nothing behind.</summary>
    [TestMethod]
    public void A_door_without_a_name_is_none()
    {
        _ = System.IO.Directory.CreateDirectory(Path);
        _ = Assert.ThrowsExactly<IOException>(() => LocalSockets.OpenDoor(Path));
        Assert.AreEqual(Path, System.IO.Directory.GetFileSystemEntries(_directory).Single());
    }
}
