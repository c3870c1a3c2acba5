using System.Globalization;
using System.Text.Json;
using Interop.Federation;
using Interop.Processes;

namespace Interop.Cases;

/// <summary><c>continuum demo</c> as a user runs it, with all its processes, in each of its scenarios.</summary>
internal static class Demos
{
    private const int Size = 8, Moves = 2;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    public static async Task<string> RunAsync(CaseContext context)
    {
        foreach (string scenario in (string[])["move", "drain", "takeover", "relay", "rollback"])
        {
            JsonElement result = await PlayAsync(context, scenario, 0);
            int moves = result.GetProperty("moves").GetArrayLength();
            bool isSound = result.GetProperty("verdict").GetString() == "pass"
                && result.GetProperty("reasons").GetArrayLength() == 0
                && result.GetProperty("sha256_ok").GetBoolean()
                && (result.GetProperty("connections").GetInt32(), result.GetProperty("handshakes").GetInt32(), moves) == (1, 1, Moves)
                && result.TryGetProperty("rollbacks", out JsonElement rollbacks) == (scenario == "rollback")
                && (scenario != "rollback" || rollbacks.GetArrayLength() == Moves);
            if (!isSound)
            {
                throw new CaseFailedException($"demo {scenario}: {result}");
            }
        }

        // A verdict that could not be another one would say nothing.
        JsonElement wrong = await PlayAsync(context, "drain", 1, "--fault", "wrong-byte");
        return wrong.GetProperty("verdict").GetString() == "fail" && wrong.GetProperty("reasons").GetArrayLength() > 0 && !wrong.GetProperty("sha256_ok").GetBoolean()
            ? "five scenarios pass, and a wrong byte fails" : throw new CaseFailedException($"demo drain with a wrong byte: {wrong}");
    }

    private static async Task<JsonElement> PlayAsync(CaseContext context, string scenario, int code, params string[] more)
    {
        Cluster cluster = context.NewCluster();
        string[] arguments = ["demo", scenario, "--json", "--size", $"{Size}", "--moves", $"{Moves}", .. more];
        Finished finished = await cluster.RunAsync(s_limit, arguments);
        try
        {
            JsonElement result = JsonDocument.Parse(finished.Output).RootElement;
            return finished.Code == code && result.GetProperty("scenario").GetString() == scenario
                ? result : throw new CaseFailedException(string.Create(CultureInfo.InvariantCulture, $"demo {scenario} ended with {finished.Code}: {finished.Output.Trim()}"));
        }
        catch (JsonException e)
        {
            throw new CaseFailedException($"demo {scenario} (exit code {finished.Code}) printed no JSON: {e.Message}; error '{Child.LastLine(finished.Errors)}'");
        }
    }
}
