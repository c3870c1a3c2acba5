using System.Globalization;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Matrix.Sides;

/// <summary>This project's endpoint, in both roles.</summary>
internal sealed class OurSide(string program) : Side("ours")
{
    private static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(30);

    public override Task<string> PrepareAsync() => File.Exists(program)
        ? Task.FromResult("this build")
        : throw new PeersUnavailableException($"our endpoint is missing ('{program}'): start the cases with interop/run, or set QUIC_ENDPOINT");

    public override bool Serves(MatrixCase c) => true;

    public override bool Fetches(MatrixCase c) => true;

    public override async Task ServeAsync(Cell cell)
    {
        Dictionary<string, string?> environment = Environment(cell, "server", cell.Case.Server);
        environment["PORT"] = cell.ServerPlace is HerePlace ? "0" : "443";
        environment["SERVER_PARAMS"] = $"listen={cell.Host}";
        cell.Server = cell.Own(cell.ServerPlace.Start("our server", program, ["server"], environment));
        await cell.UntilAsync(() => cell.Server.Said.Contains('\n', StringComparison.Ordinal), "it was ready");
        cell.Port = int.Parse(cell.Server.Said.Trim().Split(':')[^1], CultureInfo.InvariantCulture);
    }

    public override async Task<string> FetchAsync(Cell cell) => await FetchAsync(cell, "");

    /// <param name="parameters">CLIENT_PARAMS.</param>
    public async Task<string> FetchAsync(Cell cell, string parameters)
    {
        Dictionary<string, string?> environment = Environment(cell, "client", cell.Case.Client);
        environment["REQUESTS"] = cell.Case.ProbesVersions ? $"https://{cell.Authority}/" : string.Join(' ', cell.Urls);
        environment["CLIENT_PARAMS"] = parameters;
        await cell.MustSucceedAsync(cell.ClientPlace.Start("our client", program, ["client"], environment));
        return "";
    }

    /// <summary>It ends in order when it is asked to.</summary>
    public override async Task EndAsync(Cell cell)
    {
        cell.Server!.Terminate();
        int code = await cell.Server.WaitAsync(s_endLimit, cell.Cancellation);
        if (code != 0)
        {
            throw new CaseFailedException(string.Create(CultureInfo.InvariantCulture, $"our server ended with exit code {code}: {Child.LastLine(cell.Server.Errors)}"));
        }
    }

    private static Dictionary<string, string?> Environment(Cell cell, string role, string testCase) => new()
    {
        ["ROLE"] = role,
        ["TESTCASE"] = testCase,
        ["WWW_DIR"] = cell.Www,
        ["DOWNLOADS_DIR"] = cell.Downloads,
        ["CERTS_DIR"] = cell.Certificates.Folder,
        ["QLOGDIR"] = Path.Combine(cell.Qlogs, role),
        ["SSLKEYLOGFILE"] = Path.Combine(cell.Root, "keys.log"),
    };
}
