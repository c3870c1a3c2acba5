using Net.Core.Wire;
using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Commands;
using Net.Node.Data;
using Net.Node.Runtime;

namespace Net.Node.Demo;

/// <summary>An ingress and two nodes as processes on loopback, with a data directory of their own, and our client.</summary>
internal class Federation : IDemoWorld
{
    public const string Component = "web";

    private static readonly TimeSpan s_moveWithin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_answerWithin = s_moveWithin + ControlCommands.AnswerWithin;

    private readonly ICommandRuntime _runtime;
    private readonly Executable _executable;
    private readonly CommandOutput _output;
    private readonly string _home;
    private readonly DataDirectory _data;
    private readonly List<ChildProcess> _children = [];
    private readonly Dictionary<string, ChildProcess> _nodes = [];
    private readonly SemaphoreSlim _controlTurn = new(1);
    private IControlConnection? _control;
    private UdpAddress _public, _joins;
    private int _handshakes;

    protected Federation(ICommandRuntime runtime, Executable executable, string home, TimeProvider time, CommandOutput output)
    {
        (_runtime, _executable, _home, _output) = (runtime, executable, home, output);
        _data = DataDirectory.Open(Path.Combine(home, "data"), time);
    }

    public virtual IReadOnlyList<string> Nodes { get; } = ["a", "b"];

    public int Connections { get; private set; }

    public int Handshakes => Volatile.Read(ref _handshakes);

    /// <summary>Starts everything; what was started is stopped again if that fails.</summary>
    public static async Task<Federation> StartAsync(
        string scenario, ICommandRuntime runtime, Executable executable, TimeProvider time, CommandOutput output, CancellationToken cancellationToken)
    {
        string home = System.IO.Directory.CreateTempSubdirectory("continuum-demo-").FullName;
        Federation federation = scenario switch
        {
            "takeover" => new TakeOverWorld(runtime, executable, home, time, output),
            "relay" => new RelayWorld(runtime, executable, home, time, output),
            "drain" => new DrainWorld(runtime, executable, home, time, output),
            _ => new(runtime, executable, home, time, output),
        };
        try
        {
            await federation.StartAsync(cancellationToken).ConfigureAwait(false);
            return federation;
        }
        catch
        {
            await federation.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>"ready ingress ADDR:PORT control ADDR:PORT".</summary>
    public static bool TryReadReady(string line, out UdpAddress listen, out UdpAddress control)
    {
        listen = control = default;
        return line.Split(' ') is [.., string first, "control", string second] && line.StartsWith("ready ", StringComparison.Ordinal)
            && UdpAddress.TryParse(first, out listen) && UdpAddress.TryParse(second, out control);
    }

    public async Task<IHttpConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        Connections++;
        return await _runtime.OpenAsync(
            new(_public.ToEndPoint().Address.ToString(), _public.Port, [_data.DevelopmentCa()], Insecure: false), cancellationToken).ConfigureAwait(false);
    }

    public Task<IHttpResponse> DownloadAsync(IHttpConnection connection, long size, CancellationToken cancellationToken) =>
        connection.GetAsync(_public.ToString(), $"/bytes/{size}", cancellationToken);

    public Task<IHttpResponse> AskValueAsync(IHttpConnection connection, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken) => body is ReadOnlyMemory<byte> value
        ? connection.PutAsync(_public.ToString(), "/value", value, cancellationToken)
        : connection.GetAsync(_public.ToString(), "/value", cancellationToken);

    public Task<CheckpointReport> CheckpointAsync(CancellationToken cancellationToken) =>
        AskAsync((control, token) => control.CheckpointAsync(Component, CheckpointAction.Take, 0, s_moveWithin, token), cancellationToken);

    public Task<CheckpointReport> RollBackAsync(ulong checkpoint, CancellationToken cancellationToken) =>
        AskAsync((control, token) => control.CheckpointAsync(Component, CheckpointAction.RollBack, checkpoint, s_moveWithin, token), cancellationToken);

    public virtual Task<MigrateReport> MoveAsync(string to, CancellationToken cancellationToken) =>
        AskAsync((control, token) => control.MigrateAsync(Component, to, s_moveWithin, token), cancellationToken);

    public async Task<(string Owner, ulong Epoch)> OwnerAsync(CancellationToken cancellationToken)
    {
        StatusReplyMessage status = await AskAsync((control, token) => control.StatusAsync(token), cancellationToken).ConfigureAwait(false);
        ComponentStatus component = status.Components.FirstOrDefault(component => component.Record.Component == Component);
        return component.Record is null ? ("", 0) : (component.Record.Owner.Name, component.Record.Epoch);
    }

    public async ValueTask DisposeAsync()
    {
        if (_control is not null)
        {
            await _control.DisposeAsync().ConfigureAwait(false);
        }

        // Nodes before the ingress, all at once: each waits for nobody.
        await Task.WhenAll(_children.Select(child => child.DisposeAsync().AsTask())).ConfigureAwait(false);
        _controlTurn.Dispose();
        try
        {
            System.IO.Directory.Delete(_home, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _output.Warn($"{_home} could not be removed ({e.Message.TrimEnd('.')}): remove it");
        }
    }

    protected virtual async Task StartAsync(CancellationToken cancellationToken)
    {
        Prepare();
        await ReadAsync(Child("ingress", ["ingress", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"]), cancellationToken).ConfigureAwait(false);
        foreach (string name in Nodes)
        {
            // One after the other: the first one becomes the owner.
            await StartNodeAsync(name, NodeArguments, cancellationToken).ConfigureAwait(false);
        }

        await ConnectControlAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Made before the children start, so that none of them waits for another to make it.</summary>
    protected void Prepare()
    {
        _ = System.IO.Directory.CreateDirectory(Files);
        _ = _data.ServerCertificate();
        _ = _data.Member("command");
    }

    /// <summary>Waits until an ingress is ready, and notes its addresses.</summary>
    protected async Task ReadAsync(ChildProcess ingress, CancellationToken cancellationToken)
    {
        string line = await ingress.ReadyAsync(cancellationToken).ConfigureAwait(false);
        if (!TryReadReady(line, out _public, out _joins))
        {
            throw new CommandFailure($"the ingress said '{Values.Shown(line)}' instead of being ready", "check that both are of one version");
        }
    }

    /// <summary>A node's process, from now on the one of its name. Serves when this returns.</summary>
    protected async Task StartNodeAsync(string name, string[] more, CancellationToken cancellationToken)
    {
        ChildProcess node = Child($"node {name}", ["node", "--name", name, "--join", _joins.ToString(), "--serve", Files, .. more]);
        _nodes[name] = node;
        await node.ReadyAsync(cancellationToken).ConfigureAwait(false);
    }

    protected ChildProcess NodeProcess(string name) => _nodes[name];

    protected async Task ConnectControlAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ControlCommands.AnswerWithin);
        _control = await _runtime.ConnectAsync(_joins, _data.Member("command"), limit.Token).ConfigureAwait(false);
    }

    /// <summary>What every node gets beside its name.</summary>
    protected virtual string[] NodeArguments => [];

    protected string Files => Path.Combine(_home, "files");

    protected ChildProcess Child(string name, string[] arguments)
    {
        ChildProcess child = ChildProcess.Start(
            name, _executable.Start(_data.Path, [.. arguments, "--stop-on-eof", "--log-level", "debug"]), line =>
            {
                if (line.EndsWith(NodeCommand.HandshakeLine, StringComparison.Ordinal))
                {
                    Interlocked.Increment(ref _handshakes);
                }

                _output.Debug($"{name} says: {line}");
            });
        _children.Add(child);
        return child;
    }

    protected async Task<T> AskAsync<T>(Func<IControlConnection, CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        await _controlTurn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(s_answerWithin);
            return await ask(_control!, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException("the ingress did not answer in time");
        }
        finally
        {
            _controlTurn.Release();
        }
    }
}
