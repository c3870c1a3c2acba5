namespace Interop.Processes;

/// <summary>What a program left behind: its exit code and all that it wrote.</summary>
internal sealed record Finished(int Code, string Output, string Errors);
