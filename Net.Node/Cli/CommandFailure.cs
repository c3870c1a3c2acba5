namespace Net.Node.Cli;

/// <summary>A command cannot go on. Becomes the one line <c>continuum COMMAND: what: what to do</c> and the exit code.</summary>
internal sealed class CommandFailure : Exception
{
    /// <param name="what">What is wrong, in one line, without a full stop.</param>
    /// <param name="remedy">What the reader can do about it.</param>
    /// <param name="code">1 failed, 2 wrong usage.</param>
    public CommandFailure(string what, string remedy, int code = ExitCode.Failed) : base($"{what}: {remedy}") => Code = code;

    public int Code { get; }
}
