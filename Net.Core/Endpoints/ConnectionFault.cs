using Net.Core.Connections;

namespace Net.Core.Endpoints;

/// <summary>A fault of ours that has ended one connection, and no other.</summary>
/// <param name="Connection">Closed, and forgotten by its endpoint. Nobody knows what state it is in: nothing is to be asked of it.</param>
/// <param name="Exception">For those who look for it. Its message may hold what a peer has sent.</param>
internal readonly record struct ConnectionFault(Connection Connection, Exception Exception);
