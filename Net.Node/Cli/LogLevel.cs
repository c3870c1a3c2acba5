namespace Net.Node.Cli;

/// <summary>How much goes to standard error; each level holds those before it.</summary>
internal enum LogLevel
{
    Error,
    Warn,
    Info,
    Debug,
}
