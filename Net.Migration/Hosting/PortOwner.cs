using System.Net;
using System.Net.Sockets;

namespace Net.Migration.Hosting;

/// <summary>A <see cref="RestartableServer"/> as its <see cref="PortDoor"/> sees it.</summary>
internal sealed class PortOwner(RestartableServerOptions options, string name, ServedPort port, NodeHost node, CancellationToken stop) : IPortOwner
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);

    public int PublicPort => port.LocalEndPoint.Port;

    public string Name => name;

    public TimeSpan Patience => options.PortPatience;

    public TimeSpan TakeOverTimeout => options.TakeOverTimeout;

    public SafeSocketHandle PublicSocket => port.Handle;

    public string? WhyNot(IReadOnlySet<string> components)
    {
        string[] missing = [.. options.Components.Select(component => component.Name).Where(component => !components.Contains(component))];
        string? reason = missing.Length == 0 ? null : $"it has {string.Join(", ", missing)}, which this one lacks";
        if (reason is not null)
        {
            options.Log?.Invoke($"a process that lacks {string.Join(", ", missing)} wanted to take over: this one goes on");
        }

        return reason;
    }

    public async Task<byte[]> ReleaseAsync() => KeptDatagrams.Write(await port.ReleaseAsync(node.AwaitIngressAsync).ConfigureAwait(false));

    public Task FollowAsync(int controlPort) => node.FollowAsync(new(IPAddress.Loopback, controlPort));

    public async Task<bool> MoveAsync(string name, TimeSpan time, CancellationToken cancellationToken) =>
        (await node.DrainToAsync(name, time, cancellationToken).ConfigureAwait(false)).Count == 0;

    public Task SilenceAsync(CancellationToken cancellationToken) =>
        SilenceAsync(options.PortPatience, node.GetHealthAsync, token => Task.Delay(s_look, token), cancellationToken);

    /// <param name="look">How this process's node is.</param>
    /// <param name="wait">Until the next look, a quarter of a second later.</param>
    /// <inheritdoc cref="IPortOwner.SilenceAsync"/>
    /// <remarks>
    /// Looks are counted, not time: a process that was stopped itself has heard nothing for long, and that is nobody's silence. Nor is it when the node has failed.
    /// </remarks>
    internal static async Task SilenceAsync(
        TimeSpan patience, Func<CancellationToken, Task<NodeHealth>> look, Func<CancellationToken, Task> wait, CancellationToken cancellationToken)
    {
        TimeSpan silent = TimeSpan.Zero;
        while (silent <= patience)
        {
            await wait(cancellationToken).ConfigureAwait(false);
            silent = await look(cancellationToken).ConfigureAwait(false) is { Ingresses: 0, Fault: null } ? silent + s_look : TimeSpan.Zero;
        }
    }

    public Task StayAsync() => node.StayAsync();

    public async Task<bool> TryTakeBackAsync(SocketPeer successor)
    {
        // It may have followed an ingress that is gone by now.
        await node.AwaitIngressAsync().ConfigureAwait(false);
        if (await port.TryReadAgainAsync(successor.End, () => IsServedAsync(successor), stop).ConfigureAwait(false) is not IPEndPoint control)
        {
            return false;
        }

        _ = node.FollowAsync(control);
        return true;
    }

    private async Task<bool> IsServedAsync(SocketPeer successor)
    {
        successor.Look();
        return successor.HasGoneOn || (await PassedPort.WhoAsync(RestartableServer.DoorOf(options.Directory), stop).ConfigureAwait(false) is string who && who != name);
    }
}
