using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Interop.Content;
using Interop.Federation;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>A component goes back while a curl is in the middle of three requests on one connection: a finished one, one that is cut, and one that sees the old state.</summary>
internal static partial class RollBacks
{
    private const int Whole = 1_000_000, Read = 3_000_000;
    private const long Endless = 1L << 40;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private static readonly string[] s_common =
    [
        "--http3-only", "--silent", "--show-error", "--insecure", "--no-buffer", "--max-time", "100",
        "--write-out", "%{stderr}\nresult %{http_version} %{http_code} %{num_connects} %{size_download} %{exitcode}\n",
    ];

    /// <summary>The checkpoint is made at one node, and gone back to at the other, with the connection that has moved along.</summary>
    public static async Task<string> RunAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b");
        await PutAsync(cluster, curl, "old");
        long number = Expect(await AskAsync(cluster, "checkpoint", "web"), "checkpoint").GetInt64();
        await PutAsync(cluster, curl, "new");
        string finished = Path.Combine(cluster.Directory, "finished"), after = Path.Combine(cluster.Directory, "after");
        Child client = context.Own(curl.Start(
        [
            .. s_common, "--output", finished, cluster.Url($"/bytes/{Whole}"),
            "--next", .. s_common, "--output", "-", cluster.Url($"/bytes/{Endless}"),
            "--next", .. s_common, "--output", after, cluster.Url("/value"),
        ]));
        byte[] buffer = new byte[Read];
        await client.Output.ReadExactlyAsync(buffer, context.Cancellation);
        MoveReport move = await cluster.MoveAsync("b");
        await client.Output.ReadExactlyAsync(buffer, context.Cancellation);
        JsonElement back = await AskAsync(cluster, "rollback", "web", "--to", $"{number}");
        long reset = Expect(back, "reset").GetInt64();
        if (reset < 1 || Expect(back, "checkpoint").GetInt64() != number || Expect(back, "owner").GetString() != "b")
        {
            throw new CaseFailedException($"the roll-back to {number} says {back}");
        }

        await client.Output.CopyToAsync(Stream.Null, context.Cancellation);
        int code = await client.WaitAsync(s_limit, context.Cancellation);
        Match[] results = [.. ResultLine().Matches(client.Errors).Cast<Match>()];
        // The second one has its own exit code; the last decides curl's.
        bool isSound = code == 0 && results.Length == 3 && results.All(result => result.Groups[1].Value == "3" && result.Groups[2].Value == "200")
            && results[0].Groups[5].Value == "0" && results[1].Groups[5].Value != "0" && results[2].Groups[5].Value == "0"
            && results.Sum(result => int.Parse(result.Groups[3].Value, CultureInfo.InvariantCulture)) == 1;
        if (!isSound)
        {
            throw new CaseFailedException($"curl ended with exit code {code}: {client.Errors.ReplaceLineEndings(" ").Trim()}");
        }

        byte[] whole = await File.ReadAllBytesAsync(finished, context.Cancellation), right = new byte[Whole];
        using KeyStream stream = new();
        stream.Fill(0, right);
        string seen = await File.ReadAllTextAsync(after, context.Cancellation);
        return whole.AsSpan().SequenceEqual(right) && seen == "old"
            ? string.Create(CultureInfo.InvariantCulture,
                $"checkpoint {number} made at a, gone back to at b (frozen {move.FreezeUs} us before); {reset} request reset, which curl calls {results[1].Groups[5].Value}; one connection, the finished bytes stay, the next request sees the old state")
            : throw new CaseFailedException($"of the finished response {whole.Length} bytes are there, {(whole.AsSpan().SequenceEqual(right) ? "the right ones" : "not the right ones")}; the new request saw '{seen}', not 'old'");
    }

    private static JsonElement Expect(JsonElement answer, string name) =>
        answer.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : throw new CaseFailedException($"the answer has no {name}: {answer}");

    private static async Task<JsonElement> AskAsync(Cluster cluster, params string[] arguments)
    {
        Finished said = await cluster.RunAsync(s_limit, [.. arguments, "--join", cluster.Control, "--json"]);
        return said.Code == 0
            ? JsonDocument.Parse(said.Output).RootElement
            : throw new CaseFailedException($"continuum {arguments[0]} ended with exit code {said.Code}: {Child.LastLine(said.Errors)}");
    }

    private static async Task PutAsync(Cluster cluster, Peer curl, string value)
    {
        Finished put = await curl.RunAsync(s_limit, [.. s_common, "--request", "PUT", "--data-binary", value, cluster.Url("/value")]);
        if (put.Code != 0 || !put.Errors.Contains("result 3 204 1", StringComparison.Ordinal))
        {
            throw new CaseFailedException($"a PUT ended with exit code {put.Code}: {put.Errors.Trim()}");
        }
    }

    [GeneratedRegex(@"^result (\S+) (\d+) (\d+) (\d+) (\d+)$", RegexOptions.Multiline)]
    private static partial Regex ResultLine();
}
