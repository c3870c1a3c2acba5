using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Interop.Federation;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>Wrong calls end as CLI.md says, and nothing is lost: the component is served by its owner at its epoch.</summary>
internal static class WrongInput
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(40);

    /// <summary>What is wrong can be seen from the call alone.</summary>
    public static async Task<string> UsageAsync(CaseContext context)
    {
        Cluster cluster = context.NewCluster();
        string file = Path.Combine(cluster.Directory, "file");
        await File.WriteAllTextAsync(file, "no certificate\n");
        string missing = Path.Combine(cluster.Directory, "missing");
        int[] usage = [2], either = [1, 2];
        Complaint[] complaints =
        [
            new(usage, ""),
            new(usage, "bogus", "bogus"),
            new(usage, "--bogus", "ingress", "--bogus"),
            new(usage, "--bogus", "node", "--name", "x", "--bogus"),
            new(usage, "--bogus", "demo", "--bogus"),
            new(usage, "--bogus", "status", "--bogus"),
            new(usage, "--listen", "ingress", "--listen", "nonsense"),
            new(usage, "--listen", "ingress", "--listen", "127.0.0.1:70000"),
            new(usage, "--control", "ingress", "--control", "127.0.0.1"),
            new(usage, "--name", "node"),
            new(usage, "--serve", "node", "--name", "x", "--serve"),
            new(usage, "--join", "node", "--name", "x", "--join", "nowhere"),
            new(usage, "--key", "node", "--name", "x", "--cert", file),
            new(either, missing, "node", "--name", "x", "--serve", missing, "--join", "127.0.0.1:9"),
            new(either, file, "node", "--name", "x", "--serve", file, "--join", "127.0.0.1:9"),
            new(either, file, "node", "--name", "x", "--cert", file, "--key", file, "--join", "127.0.0.1:9"),
            new(either, missing, "node", "--name", "x", "--cert", missing, "--key", missing, "--join", "127.0.0.1:9"),
            new(either, missing, "node", "--name", "x", "--trust", missing, "--join", "127.0.0.1:9"),
            new(usage, "--size", "demo", "--size", "-1"),
            new(usage, "--size", "demo", "--size", "many"),
            new(usage, "--moves", "demo", "--moves", "-3"),
            new(usage, "nonsense", "demo", "nonsense"),
            new(usage, "", "migrate"),
            new(usage, "--to", "migrate", "web"),
            new(usage, "--timeout", "migrate", "web", "--to", "a", "--timeout", "-1"),
            new(usage, "", "get"),
            new(usage, "nonsense", "get", "nonsense"),
        ];
        List<string> faults = [];
        foreach (Complaint complaint in complaints)
        {
            Note(faults, complaint.FindFault(await cluster.RunAsync(s_limit, complaint.Arguments)));
        }

        string[][] askingForHelp = [["--help"], ["--version"], ["node", "--help"], ["ingress", "--help"], ["migrate", "--help"], ["demo", "--help"], ["get", "--help"], ["status", "--help"]];
        foreach (string[] arguments in askingForHelp)
        {
            Finished finished = await cluster.RunAsync(s_limit, arguments);
            Note(faults, finished.Code == 0 && finished.Output.Trim().Length > 0
                ? null
                : $"`continuum {string.Join(' ', arguments)}` ended with exit code {finished.Code} and {finished.Output.Length} characters");
        }

        return Conclude(faults, complaints.Length + askingForHelp.Length);
    }

    /// <summary>What is wrong shows against a running federation, or against none.</summary>
    public static async Task<string> InputAsync(CaseContext context)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b");
        ComponentStatus before = await cluster.WebAsync();
        List<string> faults = [];
        int checks = 0;

        await Check(() => cluster.MustNotMoveAsync("b", ["unknown-component"], component: "nosuch"));
        await Check(() => cluster.MustNotMoveAsync("nobody", ["unknown-node"]));
        await Check(() => MoveToOwnerAsync(cluster));
        await Check(() => WithoutJsonAsync(cluster));

        string nobody = $"127.0.0.1:{FreePort()}";
        await Complain(1, nobody, 9, "status", "--join", nobody);
        await Complain(1, nobody, 9, "migrate", "web", "--to", "a", "--join", nobody);
        await Complain(1, nobody, 15, "node", "--name", "x", "--join", nobody, "--join-timeout", "2");
        await Complain(1, "a", 20, "node", "--name", "a", "--join", cluster.Control, "--serve", cluster.Site);

        // A port of a running ingress, and one that a foreign program holds.
        using Socket foreign = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        foreign.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        string taken = foreign.LocalEndPoint!.ToString()!;
        await Complain(1, $"{cluster.Listen} is in use", 9, "ingress", "--listen", cluster.Listen, "--control", "127.0.0.1:0");
        await Complain(1, $"{cluster.Control} is in use", 9, "ingress", "--listen", "127.0.0.1:0", "--control", cluster.Control);
        await Complain(1, $"{taken} is in use", 9, "ingress", "--listen", taken, "--control", "127.0.0.1:0");
        await Complain(1, $"{taken} is in use", 9, "node", "--name", "x", "--join", cluster.Control, "--link", taken);

        await Check(() => GetAsync(cluster));
        await Check(() => AnswersAsync(context, cluster));
        await Check(async () =>
        {
            ComponentStatus after = await cluster.WebAsync();
            if (after.Owner != before.Owner || after.Epoch != before.Epoch)
            {
                throw new CaseFailedException($"web went from {before} to {after}");
            }
        });
        await Check(async () => await cluster.MoveAsync("b"));
        return Conclude(faults, checks);

        async Task Check(Func<Task> check)
        {
            checks++;
            try
            {
                await check();
            }
            catch (CaseFailedException e)
            {
                faults.Add(e.Message);
            }
        }

        Task Complain(int code, string names, int seconds, params string[] arguments) => Check(async () =>
        {
            Stopwatch watch = Stopwatch.StartNew();
            Note(faults, new Complaint([code], names, arguments).FindFault(await cluster.RunAsync(s_limit, arguments)));
            if (watch.Elapsed.TotalSeconds > seconds)
            {
                faults.Add(string.Create(CultureInfo.InvariantCulture, $"`continuum {string.Join(' ', arguments)}` took {watch.Elapsed.TotalSeconds:0.0} s"));
            }
        });
    }

    /// <summary>A move to the present owner succeeds, does nothing and says so.</summary>
    private static async Task MoveToOwnerAsync(Cluster cluster)
    {
        (int code, MoveReport report) = await cluster.TryMoveAsync(cluster.Owner);
        if (code != 0 || report.Moved || report.Error is not null)
        {
            throw new CaseFailedException($"a move to the present owner ended with exit code {code} and {report}");
        }
    }

    /// <summary>For people, a failed move is one line on standard error and nothing on standard output.</summary>
    private static async Task WithoutJsonAsync(Cluster cluster)
    {
        Complaint complaint = new([1], "nobody", "migrate", "web", "--to", "nobody", "--join", cluster.Control);
        Finished finished = await cluster.RunAsync(s_limit, complaint.Arguments);
        if (complaint.FindFault(finished) is string fault)
        {
            throw new CaseFailedException(fault);
        }

        if (finished.Output.Length != 0)
        {
            throw new CaseFailedException($"a failed move without --json wrote '{finished.Output.Trim()}' to standard output");
        }
    }

    /// <summary><c>get</c> trusts the CA of its own data directory and no other, unless told so.</summary>
    private static async Task GetAsync(Cluster cluster)
    {
        string url = cluster.Url("/files/hello.txt");
        Finished trusted = await cluster.RunAsync(s_limit, "get", url);
        if (trusted.Code != 0 || trusted.Output != "hello\n")
        {
            throw new CaseFailedException($"`continuum get` of a file ended with exit code {trusted.Code}, '{trusted.Output}', {Child.LastLine(trusted.Errors)}");
        }

        Finished missing = await cluster.RunAsync(s_limit, "get", cluster.Url("/files/no-such-file"));
        if (missing.Code != 1)
        {
            throw new CaseFailedException($"`continuum get` of a missing file ended with exit code {missing.Code}: {Child.LastLine(missing.Errors)}");
        }

        Dictionary<string, string?> stranger = new() { ["CONTINUUM_HOME"] = Path.Combine(cluster.Directory, "stranger") };
        Finished distrusted = await cluster.RunAsync(s_limit, stranger, "get", url);
        if (new Complaint([1], "--insecure", "get", url).FindFault(distrusted) is string fault)
        {
            throw new CaseFailedException($"with a foreign CA, {fault}");
        }

        Finished insecure = await cluster.RunAsync(s_limit, stranger, "get", url, "--insecure");
        if (insecure.Code != 0 || insecure.Output != "hello\n")
        {
            throw new CaseFailedException($"`continuum get --insecure` ended with exit code {insecure.Code}: {Child.LastLine(insecure.Errors)}");
        }
    }

    /// <summary>Requests for what is not there, or must not be reached, get an error answer; the next request is served.</summary>
    private static async Task AnswersAsync(CaseContext context, Cluster cluster)
    {
        (string Path, string Status)[] requests =
        [
            ("/bytes/-1", "4"), ("/bytes/1099511627777", "4"), ("/bytes/x", "4"), ("/no/such/path", "404"),
            ("/files/../../etc/passwd", "4"), ("/files/%2e%2e/%2e%2e/etc/passwd", "4"), ("/files/no-such-file", "404"), ("/whoami", "200"),
        ];
        foreach ((string path, string status) in requests)
        {
            Finished finished = await context.Peers.CurlNgtcp2.RunAsync(
                s_limit, "--http3-only", "--silent", "--insecure", "--path-as-is", "--max-time", "20", "--output", "/dev/null", "--write-out", "%{http_code}", cluster.Url(path));
            if (!finished.Output.StartsWith(status, StringComparison.Ordinal))
            {
                throw new CaseFailedException($"GET {path} was answered with {finished.Output} (curl's exit code {finished.Code}), not {status}");
            }
        }
    }

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static void Note(List<string> faults, string? fault)
    {
        if (fault is not null)
        {
            faults.Add(fault);
        }
    }

    private static string Conclude(List<string> faults, int checks) => faults.Count == 0
        ? $"{checks} wrong calls ended as they should"
        : throw new CaseFailedException($"{faults.Count} of {checks} checks failed: {string.Join(" | ", faults)}");
}
