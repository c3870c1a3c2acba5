using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Interop.Processes;

namespace Interop.Federation;

/// <summary>An ingress and its nodes, as separate processes of the program under test, with a data directory and ports of their own.</summary>
internal sealed class Cluster : IDisposable
{
    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan s_leaveLimit = TimeSpan.FromSeconds(30);

    /// <summary>64 pages, of which five are left: for keys, and for a log with a few records and no room ahead.</summary>
    private const string MountFullDisk = "mount -t tmpfs -o size=256k,mode=700 tmpfs \"$0\" && head -c 241664 /dev/zero >\"$0/filler\" && exec \"$@\"";

    private readonly string _program;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<string, Child> _nodes = [];
    private readonly List<string> _heard = [];
    private Child? _ingress, _other;
    private bool _isHeld;
    private string[] _otherPorts = [];
    private readonly List<Child> _started = [];

    public Cluster(string program, CancellationToken cancellationToken)
    {
        _program = program;
        _cancellation = cancellationToken;
        Directory = System.IO.Directory.CreateTempSubdirectory("continuum-interop-").FullName;
        Site = System.IO.Directory.CreateDirectory(Path.Combine(Directory, "site")).FullName;
        File.WriteAllText(Path.Combine(Site, "hello.txt"), "hello\n");
    }

    public string Directory { get; }

    /// <summary>The folder that nodes serve.</summary>
    public string Site { get; }

    /// <summary>Where the ingress's public port is, as a URL has it: IPv6 in brackets.</summary>
    public string Address { get; init; } = "127.0.0.1";

    /// <summary>The ingress keeps its state on a disk of its own that is full, until <see cref="MakeRoom"/>.</summary>
    public bool IsDiskFull { get; init; }

    public string Listen { get; private set; } = "";

    public string Control { get; private set; } = "";

    /// <summary>The etcd that ingresses and nodes are started with; empty: the ingress has the directory.</summary>
    public string Etcd { get; set; } = "";

    /// <summary>Who is a member, once there is a list of them; null: whoever has the data directory is one.</summary>
    public TrustFolders? Trust { get; set; }

    /// <summary>More of the environment of every process.</summary>
    public Dictionary<string, string?> MoreEnvironment { get; } = [];

    /// <summary>What processes of a test build do at which step, by the name that they are started under.</summary>
    public Dictionary<string, string> Faults { get; } = [];

    /// <summary>Who owns <c>web</c>, as far as the moves of this harness tell.</summary>
    public string Owner { get; private set; } = "";

    public long Epoch { get; private set; }

    public List<MoveReport> Moves { get; } = [];

    public int Port => int.Parse(Listen[(Listen.LastIndexOf(':') + 1)..], System.Globalization.CultureInfo.InvariantCulture);

    public string Url(string path) => $"https://{Listen}{path}";

    /// <summary>Starts the ingress and the nodes; the first one owns <c>web</c>.</summary>
    public async Task StartAsync(params string[] nodes)
    {
        await StartIngressAsync();
        await StartNodesAsync(nodes);
    }

    /// <summary>Starts nodes behind an ingress that runs; the first one owns <c>web</c>.</summary>
    public Task StartNodesAsync(params string[] nodes) => StartNodesAsync(nodes, []);

    /// <inheritdoc cref="StartNodesAsync(string[])"/>
    public async Task StartNodesAsync(string[] nodes, string[] more)
    {
        foreach (string node in nodes)
        {
            await StartNodeAsync(node, more: more);
        }

        Owner = nodes[0];
        Epoch = (await WebAsync()).Epoch;
    }

    /// <summary>An ingress whose ports are known before it starts: so a holder keeps the public one, and another ingress can follow it.</summary>
    public Task StartHeldIngressAsync()
    {
        (Listen, Control, _isHeld) = ($"127.0.0.1:{FreePort()}", $"127.0.0.1:{FreePort()}", true);
        return StartIngressAsync();
    }

    /// <summary>Starts an ingress, at the ports of the one before if there was one.</summary>
    /// <param name="control">Where the one before took commands, when they go elsewhere now; empty: where they go.</param>
    public async Task StartIngressAsync(string control = "")
    {
        string[] ports = Listen.Length > 0 ? [Listen, control.Length > 0 ? control : Control] : [$"{Address}:0", "127.0.0.1:0"];
        string[] state = IsDiskFull ? ["--state", FullDisk] : Directed(Path.Combine(Directory, "state"));
        (_ingress, string ready) = await StartAsync("ingress", ["ingress", "--listen", ports[0], "--control", ports[1], .. state, .. Trusted(null)]);
        if (ready.Split(' ') is not ["ready", "ingress", string listen, "control", string at])
        {
            throw new CaseFailedException($"the ingress says '{ready}', not 'ready ingress ADDR:PORT control ADDR:PORT'");
        }

        (Listen, Control) = (listen, at);
    }

    /// <summary>One more ingress of the same federation, which etcd makes possible; at the ports of the one before if that was held.</summary>
    /// <param name="isHeld">A holder keeps its public port, so that another can follow it.</param>
    public async Task<(string Listen, string Control)> StartAnotherIngressAsync(bool isHeld = false)
    {
        string[] ports = _otherPorts.Length > 0 ? _otherPorts : isHeld ? [$"127.0.0.1:{FreePort()}", $"127.0.0.1:{FreePort()}"] : ["127.0.0.1:0", "127.0.0.1:0"];
        (_other, string ready) = await StartAsync("ingress 2", ["ingress", "--listen", ports[0], "--control", ports[1], .. Directed(Path.Combine(Directory, "state2"))]);
        _otherPorts = isHeld ? ports : [];
        return ready.Split(' ') is ["ready", "ingress", string listen, "control", string control]
            ? (listen, control) : throw new CaseFailedException($"the second ingress says '{ready}'");
    }

    /// <summary>Commands go there from now on.</summary>
    public void UseControl(string control) => Control = control;

    /// <summary>A node with the ingress inside, which owns <c>web</c>.</summary>
    public async Task StartRelayAsync(string name)
    {
        (Child relay, string ready) = await StartAsync($"relay {name}", ["node", "--name", name, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--serve", Site]);
        if (ready.Split(' ') is not ["ready", "node", string said, string listen, "control", string control] || said != name)
        {
            throw new CaseFailedException($"the relay says '{ready}', not 'ready node {name} ADDR:PORT control ADDR:PORT'");
        }

        (Listen, Control, _nodes[name], Owner) = (listen, control, relay, name);
        Epoch = (await WebAsync()).Epoch;
    }

    /// <summary>A new process takes the node over; the old one must leave in order, and the component must be at a higher epoch of the same node.</summary>
    public async Task TakeOverAsync(string name)
    {
        Child old = _nodes[name];
        await StartNodeAsync(name, more: "--takeover");
        int code = await old.WaitAsync(s_leaveLimit, _cancellation);
        ComponentStatus web = await WebAsync();
        if (code != 0 || web.Owner != Owner || (name == Owner ? web.Epoch <= Epoch : web.Epoch < Epoch))
        {
            throw new CaseFailedException($"after the take-over of {name} the old process ended with {code}, and web is owned by {web.Owner} at epoch {web.Epoch} (before: {Owner} at {Epoch})");
        }

        Epoch = web.Epoch;
    }

    /// <summary>`continuum drain` of the present owner.</summary>
    /// <returns>How many connections moved.</returns>
    public async Task<long> DrainOwnerAsync()
    {
        Finished finished = await RunAsync(TimeSpan.FromSeconds(60), "drain", Owner, "--join", Control, "--timeout", "40", "--json");
        DrainAnswer answer = Parse<DrainAnswer>(finished, "drain --json");
        if (finished.Code != 0 || !answer.Drained || answer.Moves is not [{ Moved: true, Abandoned: 0, Error: null } move] || answer.Remaining.Count > 0)
        {
            throw new CaseFailedException($"the drain of {Owner} ended with exit code {finished.Code} and {finished.Output.Trim()}");
        }

        (Owner, Epoch) = (move.To!, move.Epoch!.Value);
        Moves.Add(move);
        return move.Connections!.Value;
    }

    /// <summary>SIGTERM to the present owner: it must leave in order, and another node must own the component then.</summary>
    public async Task TerminateOwnerAsync()
    {
        string name = Owner;
        _nodes[name].Terminate();
        int code = await _nodes[name].WaitAsync(s_leaveLimit, _cancellation);
        ComponentStatus web = await WebAsync();
        if (code != 0 || web.Owner is null || web.Owner == name || web.Epoch != Epoch + 1)
        {
            throw new CaseFailedException($"SIGTERM ended {name} with exit code {code}; web is owned by {web.Owner} at epoch {web.Epoch} (before: {Epoch})");
        }

        (Owner, Epoch) = (web.Owner, web.Epoch);
    }

    /// <summary>The ingress's disk is full no more. It is mounted where only the ingress sees it.</summary>
    public void MakeRoom() => File.Delete($"/proc/{_ingress!.Id}/root{FullDisk}/filler");

    public void KillIngress() => _ingress!.Kill();

    public void KillAnotherIngress() => _other!.Kill();

    /// <summary>SIGTERM to the ingress.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> TerminateIngressAsync()
    {
        _ingress!.Terminate();
        return _ingress.WaitAsync(s_leaveLimit, _cancellation);
    }

    /// <summary>A node, or the ingress, by the name that it was started under.</summary>
    public Child Process(string name) => name == "ingress" ? _ingress! : _nodes[name["node ".Length..]];

    /// <summary>The process that has a node's name now.</summary>
    public Child Node(string name) => _nodes[name];

    public async Task StartNodeAsync(string name, bool serve = true, params string[] more)
    {
        string[] arguments = ["node", "--name", name, .. Etcd.Length > 0 ? new[] { "--directory", Etcd } : ["--join", Control], .. serve ? new[] { "--serve", Site } : [], .. Trusted(name), .. more];
        (Child node, string ready) = await StartAsync($"node {name}", arguments);
        if (ready != $"ready node {name}")
        {
            throw new CaseFailedException($"node {name} says '{ready}', not 'ready node {name}'");
        }

        _nodes[name] = node;
    }

    public void Kill(string node) => _nodes[node].Kill();

    public void Stop(string node) => _nodes[node].Stop();

    public void Continue(string node) => _nodes[node].Continue();

    /// <summary>Any other command of the program, with this cluster's data directory.</summary>
    public Task<Finished> RunAsync(TimeSpan limit, params string[] arguments) => RunAsync(limit, Environment, arguments);

    public async Task<Finished> RunAsync(TimeSpan limit, Dictionary<string, string?> environment, params string[] arguments)
    {
        Finished finished = await Child.RunAsync($"continuum {arguments.FirstOrDefault()}", _program, arguments, limit, environment, _cancellation);
        _heard.AddRange([finished.Output, finished.Errors]);
        return finished;
    }

    /// <summary>What all commands have said, and all processes that have ended.</summary>
    public async Task<IReadOnlyList<string>> HeardAsync()
    {
        List<string> heard = [.. _heard];
        foreach (Child child in _started.Where(child => child.HasExited))
        {
            heard.AddRange([child.Errors, await child.OutputLines.ReadToEndAsync(_cancellation)]);
        }

        return heard;
    }

    /// <summary>SIGTERM to all: each must leave in order.</summary>
    public async Task TerminateAsync()
    {
        foreach (Child child in _started.Where(child => !child.HasExited).Reverse().ToArray())
        {
            child.Terminate();
            if (await child.WaitAsync(s_leaveLimit, _cancellation) is not 0 and int code)
            {
                throw new CaseFailedException($"SIGTERM ended {child.Name} with exit code {code}: {Child.LastLine(child.Errors)}");
            }
        }
    }

    /// <summary>Asks for a move and reads the answer, whatever it is.</summary>
    public async Task<(int Code, MoveReport Report)> TryMoveAsync(string to, string component = "web", int? timeoutSeconds = null)
    {
        string[] arguments =
        [
            "migrate", component, "--to", to, "--join", Control, "--json", .. Trusted(null),
            .. timeoutSeconds is int seconds ? new[] { "--timeout", $"{seconds}" } : [],
        ];
        Finished finished = await RunAsync(TimeSpan.FromSeconds(int.Max(30, (timeoutSeconds ?? 0) + 10)), arguments);
        return (finished.Code, Parse<MoveReport>(finished, "migrate --json"));
    }

    /// <summary>A move that must succeed, from the present owner, with a higher epoch, leaving no connection behind.</summary>
    public async Task<MoveReport> MoveAsync(string to)
    {
        (int code, MoveReport report) = await TryMoveAsync(to);
        bool sound = code == 0
            && report is { Moved: true, Error: null, Abandoned: 0, FreezeUs: >= 0, StateBytes: > 0 }
            && report.Component == "web"
            && report.From == Owner
            && report.To == to
            && report.Epoch > Epoch;
        if (!sound)
        {
            throw new CaseFailedException($"the move {Owner} -> {to} at epoch {Epoch} ended with exit code {code} and {report}");
        }

        (Owner, Epoch) = (to, report.Epoch!.Value);
        Moves.Add(report);
        return report;
    }

    /// <summary>A move that must fail with one of <paramref name="codes"/>; afterwards the owner is the one from before.</summary>
    public async Task MustNotMoveAsync(string to, string[] codes, int? timeoutSeconds = null, string component = "web") =>
        await MustHaveFailedAsync(await TryMoveAsync(to, component, timeoutSeconds), codes, $"the move of {component} to {to}");

    public async Task MustHaveFailedAsync((int Code, MoveReport Report) answer, string[] codes, string what)
    {
        (int code, MoveReport report) = answer;
        if (code != 1 || report.Moved || report.Error is null || !codes.Contains(report.Error.Code) || report.Error.Message.Length == 0)
        {
            throw new CaseFailedException($"{what} should fail with {string.Join(" or ", codes)}; it ended with exit code {code} and {report}");
        }

        await MustBeOwnedAsync();
    }

    /// <summary>The owner is who it was. Its epoch may have grown: an aborted attempt uses one up.</summary>
    public async Task MustBeOwnedAsync()
    {
        ComponentStatus web = await WebAsync();
        if (web.Owner != Owner || web.Epoch < Epoch)
        {
            throw new CaseFailedException($"web is owned by {web.Owner} at epoch {web.Epoch}, not by {Owner} at {Epoch} or later");
        }

        Epoch = web.Epoch;
    }

    /// <summary>Takes note of a move that was asked for with <see cref="TryMoveAsync"/> and succeeded.</summary>
    public void Adopt(string owner, ComponentStatus web)
    {
        if (web.Owner != owner || web.Epoch <= Epoch)
        {
            throw new CaseFailedException($"after a successful move to {owner}, web is owned by {web.Owner} at epoch {web.Epoch} (before: {Epoch})");
        }

        (Owner, Epoch) = (owner, web.Epoch);
    }

    public async Task<StatusReport> StatusAsync()
    {
        Finished finished = await RunAsync(TimeSpan.FromSeconds(15), ["status", "--join", Control, "--json", .. Trusted(null)]);
        return finished.Code == 0
            ? ReadStatus(finished)
            : throw new CaseFailedException($"status ended with exit code {finished.Code}: {Child.LastLine(finished.Errors)}");
    }

    public static StatusReport ReadStatus(Finished finished) => Parse<StatusReport>(finished, "status --json");

    public async Task<ComponentStatus> WebAsync() =>
        (await StatusAsync()).Components.FirstOrDefault(c => c.Name == "web") ?? throw new CaseFailedException("status does not know web");

    public void ExplainTo(TextWriter writer)
    {
        foreach (Child child in _started.Where(c => c.Errors.Length > 0))
        {
            string[] lines = child.Errors.TrimEnd().Split('\n');
            foreach (string line in lines.TakeLast(30))
            {
                writer.WriteLine($"  [{child.Name}] {line}");
            }
        }
    }

    public void Dispose()
    {
        foreach (Child held in new[] { _isHeld ? _ingress : null, _otherPorts.Length > 0 ? _other : null }.OfType<Child>().Where(held => !held.HasExited))
        {
            // SIGINT is the planned end: its holder ends with it.
            held.Interrupt();
            _ = held.WaitAsync(s_leaveLimit).ContinueWith(_ => { }, TaskScheduler.Default).Wait(s_leaveLimit);
        }

        foreach (Child child in _started)
        {
            child.Dispose();
        }

        for (int attempt = 1; ; attempt++)
        {
            try
            {
                System.IO.Directory.Delete(Directory, recursive: true);
                return;
            }
            catch (IOException) when (attempt < 50)
            {
                // A holder takes its door away when it hears that its ingress has ended.
                Thread.Sleep(100);
            }
        }
    }

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private string FullDisk => System.IO.Directory.CreateDirectory(Path.Combine(Directory, "disk")).FullName;

    private string[] Directed(string state) => Etcd.Length > 0 ? ["--directory", Etcd, "--state", state] : [];

    /// <param name="member">A node; null: an ingress or a command, which look at the authority's folder.</param>
    private string[] Trusted(string? member) => Trust is null ? [] : ["--trust", member is null ? Trust.Authority : Trust.Machine(member)];

    private Dictionary<string, string?> Environment => new(MoreEnvironment)
    {
        ["CONTINUUM_HOME"] = Path.Combine(Directory, "home"),
        ["DOTNET_NOLOGO"] = "1",
    };

    private async Task<(Child Child, string Ready)> StartAsync(string name, string[] arguments)
    {
        Dictionary<string, string?> environment = Environment;
        if (Faults.TryGetValue(name, out string? fault))
        {
            environment["CONTINUUM_FAULT"] = fault;
        }

        Child child = name == "ingress" && IsDiskFull
            ? Child.Start(name, "unshare", ["-Urm", "sh", "-c", MountFullDisk, FullDisk, _program, .. arguments], environment)
            : Child.Start(name, _program, arguments, environment);
        _started.Add(child);
        try
        {
            string? ready = await child.OutputLines.ReadLineAsync(_cancellation).AsTask().WaitAsync(s_startLimit, _cancellation);
            return ready is not null
                ? (child, ready)
                : throw new CaseFailedException($"{name} ended before it was ready: {Child.LastLine(child.Errors)}");
        }
        catch (TimeoutException)
        {
            throw new CaseFailedException($"{name} is not ready after {s_startLimit.TotalSeconds} s: {Child.LastLine(child.Errors)}");
        }
    }

    private static T Parse<T>(Finished finished, string what)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(finished.Output, s_json) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new CaseFailedException(
                $"{what} (exit code {finished.Code}) printed no such object: {e.Message.Split('\n')[0]}; output '{finished.Output.Trim()}', error '{Child.LastLine(finished.Errors)}'");
        }
    }
}
