namespace Interop;

/// <summary>What a case saw that must not be, in one line.</summary>
internal sealed class CaseFailedException(string message) : Exception(message);
