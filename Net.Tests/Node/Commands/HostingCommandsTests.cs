using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Net.Node.Cli;
using Net.Node.Commands;
using Net.Node.Runtime;
using Net.Tests.Node.Cli;

namespace Net.Tests.Node.Commands;

/// <summary>The commands that host, whole and over real sockets, in this process: what a signal does to them, and what does not keep them. Waits are for signals.</summary>
[TestClass]
public sealed class HostingCommandsTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("continuum-home-").FullName;

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    public void Dispose() => Directory.Delete(_home, recursive: true);

    /// <summary>Goal: nobody ever reads standard error: an ingress and a node come to serve, and each ends by SIGTERM, the node by way of its drain.</summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    public async Task Nobody_has_to_read_standard_error()
    {
        using StalledWriter error = new(Stop);
        Hosted ingress = Start(new NetworkRuntime(), error, "ingress", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--log-level", "debug");
        string control = (await ingress.ReadyAsync(Stop)).Split(' ')[^1];
        Hosted node = Start(new NetworkRuntime(), error, "node", "--name", "a", "--serve", _home, "--join", control, "--log-level", "debug");
        Assert.AreEqual("ready node a", await node.ReadyAsync(Stop));
        error.Reached.Wait(Stop);
        foreach (Hosted hosted in (Hosted[])[node, ingress])
        {
            Assert.IsTrue(hosted.Termination.TryAsk());
            Assert.AreEqual(0, await hosted.Ended.WaitAsync(Stop));
        }

        Assert.IsFalse(error.IsOpen);
    }

    /// <summary>Goal: what a node has to say of its attempts to join and of handshakes holds up neither; and a node that fails ends, although it cannot say why.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task What_cannot_be_said_holds_up_nothing()
    {
        using StalledWriter error = new(Stop);
        FakeRuntime runtime = new()
        {
            Node = (output, events, _) =>
            {
                output.Info("the first line");
                error.Reached.Wait(Stop);
                for (int i = 0; i < 2 * NodeCommand.TriesPerLine; i++)
                {
                    events.JoinFailed("10.0.0.1:4434: nobody there");
                }

                events.Ready();
                events.HandshakeCompleted();
                throw new CommandFailure("it broke", "mend it");
            },
        };
        Assert.AreEqual(1, await Start(runtime, error, "node", "--name", "a", "--log-level", "debug").Ended.WaitAsync(Stop));
        Assert.IsFalse(error.IsOpen);
    }

    /// <summary>Goal: SIGTERM to a node that has found no ingress ends it at once and well, however long it would go on trying.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_node_that_has_not_joined_ends_at_once()
    {
        using Socket silent = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Hosted node = Start(new NetworkRuntime(), TextWriter.Null, "node", "--name", "a", "--join", silent.LocalEndPoint!.ToString()!, "--join-timeout", "86400");
        _ = await silent.ReceiveAsync(new byte[2048], Stop);
        Assert.IsTrue(node.Termination.TryAsk());
        Assert.AreEqual(0, await node.Ended.WaitAsync(Stop));
    }

    /// <summary>Goal: the same while a directory does not answer, for a node and for an ingress.</summary>
    [TestMethod]
    [DataRow("node", "--name", "a", "--join-timeout", "86400")]
    [DataRow("ingress", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Who_waits_for_the_directory_ends_at_once(params string[] arguments)
    {
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        Hosted hosted = Start(new NetworkRuntime(), TextWriter.Null, [.. arguments, "--directory", $"etcd://{silent.LocalEndpoint}"]);
        using Socket asked = await silent.AcceptSocketAsync(Stop);
        Assert.IsTrue(hosted.Termination.TryAsk());
        Assert.AreEqual(0, await hosted.Ended.WaitAsync(Stop));
    }

    private Hosted Start(ICommandRuntime runtime, TextWriter error, params string[] arguments)
    {
        Termination termination = new();
        Lines output = new();
        CommandHandlers handlers = new(runtime, name => name == "CONTINUUM_HOME" ? Path.Combine(_home, "home") : null, TimeProvider.System, termination);
        CommandLine line = new(handlers, output, error) { Patience = TimeSpan.Zero };
        return new(termination, output, Task.Run(() => line.RunAsync(arguments, Stop), CancellationToken.None));
    }

    private sealed record Hosted(Termination Termination, Lines Output, Task<int> Ended)
    {
        /// <summary>Its first line; or the command ends before it is ready, and says so with its exit code.</summary>
        public async Task<string> ReadyAsync(CancellationToken stop)
        {
            Task<string> ready = Output.Read(stop);
            return await Task.WhenAny(ready, Ended) == ready ? await ready : throw new InvalidOperationException($"it has ended with {await Ended}");
        }
    }

    /// <summary>Standard output, which somebody reads.</summary>
    private sealed class Lines : StringWriter
    {
        private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

        public override void WriteLine(string? value) => _lines.Writer.TryWrite(value ?? "");

        public Task<string> Read(CancellationToken stop) => _lines.Reader.ReadAsync(stop).AsTask();
    }
}
