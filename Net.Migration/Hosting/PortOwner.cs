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

    public async Task SilenceAsync(CancellationToken cancellationToken)
    {
        long heard = Environment.TickCount64;
        while (Environment.TickCount64 - heard <= options.PortPatience.TotalMilliseconds)
        {
            await Task.Delay(s_look, cancellationToken).ConfigureAwait(false);
            if ((await node.GetHealthAsync(cancellationToken).ConfigureAwait(false)).Ingresses > 0)
            {
                heard = Environment.TickCount64;
            }
        }
    }

    public Task StayAsync() => node.StayAsync();

    public async Task TakeBackAsync(Func<string?> end)
    {
        // It may have followed an ingress that is gone by now.
        await node.AwaitIngressAsync().ConfigureAwait(false);
        _ = node.FollowAsync(await port.ReadAgainAsync(end, stop).ConfigureAwait(false));
    }
}
