namespace Interop.Peers;

/// <summary>Peers can be neither found in the cache nor fetched; the message says what to do.</summary>
internal sealed class PeersUnavailableException(string message) : Exception(message);
