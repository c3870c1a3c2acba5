namespace Net.Http3.Server;

/// <summary>A small service with HTTP/3 as its one door to the world.</summary>
/// <example>
/// <code>
/// public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
/// {
///     await exchange.RespondAsync(200, ("content-type", "text/plain"));
///     await exchange.WriteAsync("Hello\n"u8.ToArray());
/// }
/// </code>
/// </example>
public interface IComponent
{
    /// <summary>Answers one request. Runs once per request, several at a time.</summary>
    /// <param name="exchange">The request and its response; not to be used after the returned task has ended.</param>
    /// <param name="cancellationToken">Set when the client gives the request up, or the connection ends.</param>
    /// <remarks>
    /// The response ends when the task ends. An exception before <see cref="Http3Exchange.RespondAsync(int, ReadOnlySpan{Messages.Field})"/> becomes status 500,
    /// a later one resets the stream with H3_INTERNAL_ERROR. Runs on the thread pool: one that blocks keeps one of its threads, and nobody else waiting while it has others.
    /// </remarks>
    ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken);
}

/// <summary>A component whose running requests can move to another node.</summary>
/// <remarks>
/// <para>
/// While a move is prepared, every awaited operation of an exchange stays pending. Once each handler waits in one, the exchange is
/// written down. If the move succeeds the handler's continuation never runs, and at the destination a new call of
/// <see cref="IComponent.HandleAsync"/> gets the same request, with <see cref="Http3Exchange.IsResumed"/>,
/// <see cref="Http3Exchange.SavedState"/> and both offsets; if it fails the handler goes on as if nothing had been.
/// </para>
/// <para>
/// So a handler must: keep what it needs in <see cref="Http3Exchange.SaveState(ReadOnlySpan{byte})"/>, brought up to date before it
/// awaits the next operation; run one flow of control, no code beside an operation that it awaits; and await nothing else for long,
/// as a handler outside of an operation delays the move.
/// </para>
/// </remarks>
public interface IResumableComponent : IComponent;

/// <summary>A component whose handlers may stay behind when it moves (<see cref="RunningRequests.Tether"/>), although it has state of its own that moves.</summary>
/// <remarks>
/// It promises to touch that state inside of <see cref="Http3Exchange.EnterStateAsync"/> alone: so nobody changes it while it is written down, and a
/// handler that has stayed behind cannot take what is left of it for the truth.
/// </remarks>
public interface ITetheredComponent : IComponent;
