namespace Interop.Cases;

/// <summary>One case: what it is called, how long it may take at most, and what it does; it answers with a sentence about what it saw.</summary>
internal sealed record InteropCase(string Name, TimeSpan Limit, Func<CaseContext, Task<string>> Run);
