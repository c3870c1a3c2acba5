using System.Text.Json;
using System.Text.RegularExpressions;
using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Time;
using Net.Tests.Core.Diagnostics;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class HostDiagnosticsTests
{
    private string _directory = "";

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("continuum-diagnostics-").FullName;

    [TestCleanup]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    /// <summary>Goal: both ends of a real connection leave a trace and the same secrets, for nobody but their owner.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_connection_leaves_traces_and_secrets_where_it_was_asked_to()
    {
        string qlog = Path.Combine(_directory, "qlog"), keys = Path.Combine(_directory, "keys");
        using SemaphoreSlim complete = new(0);
        Assert.IsInstanceOfType<QlogDirectory>(HostDiagnostics.QlogTo(qlog)).OnTraceEnded = () => complete.Release();
        await using (QuicPair pair = await QuicPair.ConnectAsync(
            TestContext.CancellationToken,
            server: options => (options.QlogDirectory, options.KeyLogFile) = (qlog, keys),
            client: options => (options.QlogDirectory, options.KeyLogFile) = (qlog, keys)))
        {
            await pair.Client.CloseAsync(0, TestContext.CancellationToken);
        }

        // The server's trace ends when its closing period is over.
        await complete.WaitAsync(TestContext.CancellationToken);
        await complete.WaitAsync(TestContext.CancellationToken);
        string[] files = [.. Directory.EnumerateFiles(qlog)];
        Assert.AreEqual(2, files.Length);
        string odcid = Regex.Match(files[0], "/([0-9a-f]{16})_").Groups[1].Value;
        foreach (string end in (string[])["client", "server"])
        {
            string file = Path.Combine(qlog, $"{odcid}_{end}.sqlog");
            Assert.IsTrue(Records(file).Exists(e => e.Contains("quic:connection_closed", StringComparison.Ordinal)));
            Assert.IsTrue(Records(file).TrueForAll(r => JsonSerializer.Deserialize<JsonElement>(r).ValueKind == JsonValueKind.Object));
            AssertPrivate(file);
        }

        AssertPrivate(keys);
        string[] lines = File.ReadAllLines(keys);
        Assert.AreEqual(10, lines.Length, string.Join('\n', lines));
        Assert.AreEqual(5, lines.Distinct().Count(), "the two ends agree");
        foreach (string label in (string[])["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET"])
        {
            Assert.AreEqual(2, lines.Count(line => Regex.IsMatch(line, $"^{label} [0-9a-f]{{64}} ([0-9a-f]{{64}}|[0-9a-f]{{96}})$")), label);
        }
    }

    /// <summary>Goal: names that are taken, too many traces and too long ones are no fault of the connection.</summary>
    [TestMethod]
    public void A_directory_keeps_within_its_limits()
    {
        QlogDirectory directory = new(_directory, maxOpen: 2, maxLength: 3_000);
        ConnectionView view = Observed();
        IConnectionObserver? first = directory.Observe(view, default), second = directory.Observe(view, default);
        Assert.IsNull(directory.Observe(view, default), "two at a time");
        for (int i = 0; i < 100; i++)
        {
            first!.OnOwnership(OwnershipStep.Frozen, 1, new Instant(i));
        }

        first!.OnReleased();
        first.OnReleased();
        second!.OnReleased();
        Assert.IsNotNull(directory.Observe(view, default), "there is room again");
        string name = Path.Combine(_directory, $"{view.OriginalDestination}_client");
        Assert.IsTrue(File.Exists($"{name}.sqlog") && File.Exists($"{name}.2.sqlog") && File.Exists($"{name}.3.sqlog"));
        Assert.IsTrue(new FileInfo($"{name}.sqlog").Length is > 2_500 and <= 3_000);
    }

    /// <summary>Goal: where nothing can be written, nothing is, and nothing else happens.</summary>
    [TestMethod]
    public void What_cannot_be_written_is_left_out()
    {
        string file = Path.Combine(_directory, "file");
        File.WriteAllText(file, "");
        Assert.IsNull(HostDiagnostics.QlogTo(Path.Combine(file, "below")));
        Assert.IsNull(HostDiagnostics.KeysTo(Path.Combine(_directory, "nowhere", "keys")));
        QlogDirectory directory = new(Path.Combine(_directory, "gone"));
        Directory.Delete(Path.Combine(_directory, "gone"));
        Assert.IsNull(directory.Observe(Observed(), default));
    }

    private static ConnectionView Observed()
    {
        TraceCollector traces = new();
        World world = new(1);
        Peer client = new(world, "10.0.0.1:1000"), server = new(world, "10.0.0.2:443");
        return ConnectionView.Of(client.Connect(server).Parts);
    }

    private static List<string> Records(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using StreamReader reader = new(stream);
        return [.. reader.ReadToEnd().Split('\u001e', StringSplitOptions.RemoveEmptyEntries)];
    }

    private static void AssertPrivate(string file)
    {
        if (!OperatingSystem.IsWindows())
        {
            Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file), file);
        }
    }
}
