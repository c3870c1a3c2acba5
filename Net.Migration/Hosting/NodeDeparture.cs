using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>How a node gets rid of all that it has, so that it can end.</summary>
/// <param name="actor">The node's.</param>
/// <param name="state">On that actor only.</param>
/// <param name="options">Whose components they are, and who is told.</param>
/// <param name="stop">The node ends at once.</param>
internal sealed class NodeDeparture(IActor actor, NodeState state, NodeOptions options, CancellationToken stop)
{
    /// <summary>The ingress's word that the time is over.</summary>
    private static readonly TimeSpan s_lastMove = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(200);

    /// <summary>For another host to come.</summary>
    private static readonly TimeSpan s_nextHost = TimeSpan.FromMilliseconds(500);

    /// <inheritdoc cref="NodeHost.DrainAsync"/>
    /// <param name="to">The node that everything moves to; none: any other host.</param>
    public async Task<IReadOnlyList<string>> DrainAsync(string to, TimeSpan timeout, CancellationToken cancellationToken)
    {
        long deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        while (true)
        {
            TimeSpan left = LeftUntil(deadline);
            TaskCompletionSource<DrainReport?> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
            actor.Post(_ => state.Drain(to, left, ended));
            DrainReport? report;
            try
            {
                report = await ended.Task.WaitAsync(left + s_lastMove, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                report = null;
            }

            if (report is not null)
            {
                foreach (string component in report.Remaining)
                {
                    options.Log?.Invoke($"{component} stays: {report.Moves.LastOrDefault(move => move.Component == component)?.Message ?? report.Message}");
                }

                return report.Remaining;
            }

            if (Environment.TickCount64 >= deadline)
            {
                return [.. options.Components.Select(component => component.Name)];
            }

            await Task.Delay(s_retry, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc cref="NodeHost.GiveAsync"/>
    public async Task GiveAsync(string to, TimeSpan timeout)
    {
        long deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        _ = await DrainAsync(to, timeout, CancellationToken.None).ConfigureAwait(false);
        await TethersEndedAsync().WaitAsync(LeftUntil(deadline), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Drains, and waits for the requests that have stayed behind; what comes meanwhile by force goes the same way.</summary>
    /// <returns>Names of the components that are still here when the time is over, or nobody takes them.</returns>
    public async Task<IReadOnlyList<string>> EmptyAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        long deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        IReadOnlyList<string> remaining;
        do
        {
            remaining = await DrainAsync("", LeftUntil(deadline), cancellationToken).ConfigureAwait(false);
            if (remaining.Count > 0)
            {
                break;
            }

            await TethersEndedAsync().WaitAsync(LeftUntil(deadline), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            remaining = await OwnedAsync(cancellationToken).ConfigureAwait(false);
        }
        while (remaining.Count > 0 && Environment.TickCount64 < deadline);

        return remaining;
    }

    /// <summary>A successor has everything: waits for requests that have stayed here, which end within their own time.</summary>
    /// <remarks>
    /// Should the successor die meanwhile, and no other host be there, this node takes everything over again: better this one than none. Then it is not done before another
    /// host has it all: clients that have come here must not lose their connections because a request of before has ended.
    /// </remarks>
    public async Task FinishAsync()
    {
        actor.Post(_ => state.StayAway());
        while (true)
        {
            await TethersEndedAsync().WaitAsync(stop).ConfigureAwait(false);
            if ((await OwnedAsync(stop).ConfigureAwait(false)).Count == 0)
            {
                return;
            }

            if ((await DrainAsync("", options.TakeOverTimeout, stop).ConfigureAwait(false)).Count > 0)
            {
                await Task.Delay(s_nextHost, stop).ConfigureAwait(false);
            }
        }
    }

    private static TimeSpan LeftUntil(long deadline) => TimeSpan.FromMilliseconds(long.Max(0, deadline - Environment.TickCount64));

    private async Task<IReadOnlyList<string>> OwnedAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource<IReadOnlyList<string>> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        actor.Post(_ => told.SetResult(state.Owned));
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stop);
        return await told.Task.WaitAsync(either.Token).ConfigureAwait(false);
    }

    private Task TethersEndedAsync()
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        actor.Post(_ => state.Tethers.Await(ended));
        return ended.Task;
    }
}
