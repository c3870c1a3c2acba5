namespace QuicEndpoint;

/// <summary>The test case has failed, or its environment cannot be used; the message says what, and what to do.</summary>
internal sealed class ContractException(string message) : Exception(message);
