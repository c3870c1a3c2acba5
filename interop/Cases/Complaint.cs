using Interop.Processes;

namespace Interop.Cases;

/// <summary>What the program must do with one wrong call: its exit code, and what its one line on standard error must name.</summary>
/// <param name="Codes">Exit codes that are right.</param>
/// <param name="Names">What the line must hold, such as the flag at fault.</param>
/// <param name="Arguments">The wrong call.</param>
internal sealed record Complaint(int[] Codes, string Names, params string[] Arguments)
{
    private static readonly string[] s_traces = ["   at ", "Exception", "Unhandled", ".cs:line"];

    /// <summary>What is wrong with the answer, or null.</summary>
    public string? FindFault(Finished finished)
    {
        string call = $"continuum {string.Join(' ', Arguments)}";
        string[] lines = finished.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string said = lines.LastOrDefault() ?? "";
        string command = Arguments.FirstOrDefault(a => !a.StartsWith('-')) ?? "";
        return 0 switch
        {
            _ when !Codes.Contains(finished.Code) => $"`{call}` ended with exit code {finished.Code}, not {string.Join(" or ", Codes)}: {said}",
            _ when s_traces.Any(t => finished.Errors.Contains(t, StringComparison.Ordinal)) => $"`{call}` shows a stack trace",
            // A command that begins to serve may have logged something before it failed; wrong usage never gets that far.
            _ when lines.Length == 0 || (finished.Code == 2 && lines.Length != 1) => $"`{call}` wrote {lines.Length} lines to standard error, not 1",
            _ when !said.StartsWith("continuum", StringComparison.Ordinal) || said.Split(": ").Length < 3 =>
                $"`{call}` says '{said}', not `continuum {command}: what: what to do`",
            _ when !said.Contains(Names, StringComparison.Ordinal) => $"`{call}` says '{said}', which does not name {Names}",
            _ => null,
        };
    }
}
