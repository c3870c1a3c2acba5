using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Interop.Processes;

namespace Interop.Matrix;

/// <summary>One run of a case between a server and a client: its folders, its files, its places, and everything that was started for it.</summary>
internal sealed class Cell : IDisposable
{
    private readonly List<Child> _children = [];

    public Cell(MatrixCase matrixCase, IPlace server, IPlace client, TestCertificates certificates, CancellationToken cancellation)
    {
        Case = matrixCase;
        ServerPlace = server;
        ClientPlace = client;
        Certificates = certificates;
        Cancellation = cancellation;
        Root = Directory.CreateTempSubdirectory("interop-cell-").FullName;
        Www = Directory.CreateDirectory(Path.Combine(Root, "www")).FullName;
        Downloads = Directory.CreateDirectory(Path.Combine(Root, "downloads")).FullName;
        Qlogs = Directory.CreateDirectory(Path.Combine(Root, "qlog")).FullName;
        for (int i = 0; i < matrixCase.Files.Length; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"file{i}");
            File.WriteAllBytes(Path.Combine(Www, name), RandomNumberGenerator.GetBytes(matrixCase.Files[i]));
            Files.Add(name);
        }
    }

    public MatrixCase Case { get; }

    public IPlace ServerPlace { get; }

    public IPlace ClientPlace { get; }

    public TestCertificates Certificates { get; }

    public CancellationToken Cancellation { get; }

    public string Root { get; }

    /// <summary>The folder stays, with what everybody wrote into it.</summary>
    public bool IsKept { get; set; }

    /// <summary>What the server gives.</summary>
    public string Www { get; }

    /// <summary>Where the client puts it.</summary>
    public string Downloads { get; }

    /// <summary>Traces of our own ends.</summary>
    public string Qlogs { get; }

    public List<string> Files { get; } = [];

    /// <summary>Set by the server.</summary>
    public int Port { get; set; }

    /// <summary>The server's process, if it has one.</summary>
    public Child? Server { get; set; }

    public string Host => ServerPlace.Address.ToString();

    /// <summary>Host and port as a URL has them.</summary>
    public string Authority => string.Create(
        CultureInfo.InvariantCulture, $"{(ServerPlace.Address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{Host}]" : Host)}:{Port}");

    public IEnumerable<string> Urls => Files.Select(name => $"https://{Authority}/{name}");

    public Child Own(Child child)
    {
        _children.Add(child);
        child.DrainOutput();
        return child;
    }

    /// <summary>Waits until something can be done, a few times a second.</summary>
    /// <exception cref="CaseFailedException">The server has ended, or the cell's time has.</exception>
    public async Task UntilAsync(Func<bool> isDone, string what)
    {
        while (!isDone())
        {
            if (Server is { HasExited: true })
            {
                throw new CaseFailedException($"{Server.Name} ended before {what}: {Child.LastLine(Server.Errors + Server.Said)}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), Cancellation);
        }
    }

    /// <summary>Runs a client to its end, which must be good.</summary>
    public async Task<Child> MustSucceedAsync(Child child)
    {
        Own(child);
        int code = await child.WaitAsync(Case.Limit, Cancellation);
        return code == 0
            ? child
            : throw new CaseFailedException(string.Create(CultureInfo.InvariantCulture, $"{child.Name} ended with exit code {code}: {Child.LastLine(child.Errors + child.Said)}"));
    }

    /// <summary>Every file has arrived, with the bytes that were sent.</summary>
    public void CheckFiles()
    {
        foreach (string name in Files)
        {
            string downloaded = Path.Combine(Downloads, name);
            if (!File.Exists(downloaded))
            {
                throw new CaseFailedException($"{name} has not arrived");
            }

            if (!SHA256.HashData(File.ReadAllBytes(downloaded)).AsSpan().SequenceEqual(SHA256.HashData(File.ReadAllBytes(Path.Combine(Www, name)))))
            {
                throw new CaseFailedException($"{name} arrived with other bytes than were sent");
            }
        }
    }

    /// <summary>One of our own ends has seen what the case is about.</summary>
    public void CheckEvent()
    {
        bool isThere = Case.Events.IsEmpty || Directory.EnumerateFiles(Qlogs, "*", SearchOption.AllDirectories)
            .Select(File.ReadAllText)
            .Any(text => Case.Events.Any(wanted => text.Contains(wanted, StringComparison.Ordinal)));
        if (!isThere)
        {
            throw new CaseFailedException($"no qlog of ours has {string.Join(" or ", Case.Events)}");
        }
    }

    /// <summary>What everybody said last, for a cell that failed.</summary>
    public void ExplainTo(TextWriter writer)
    {
        foreach (Child child in _children)
        {
            foreach (string line in (child.Errors + child.Said).Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(3))
            {
                writer.WriteLine($"  [{child.Name}] {line}");
            }
        }
    }

    public void Dispose()
    {
        foreach (Child child in _children)
        {
            child.Dispose();
        }

        if (!IsKept)
        {
            Directory.Delete(Root, recursive: true);
        }
    }
}
