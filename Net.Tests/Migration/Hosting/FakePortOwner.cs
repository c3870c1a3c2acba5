using System.Net.Sockets;
using System.Threading.Channels;
using Net.Migration.Hosting;
using Net.Migration.Ingress;

namespace Net.Tests.Migration.Hosting;

/// <summary>Has a port and nothing behind it; notes what it is asked for.</summary>
internal sealed class FakePortOwner : IPortOwner
{
    private readonly Channel<string> _asked = Channel.CreateUnbounded<string>();

    public required SafeSocketHandle PublicSocket { get; init; }

    public int PublicPort { get; init; } = 4433;

    public string Name => "old";

    public TimeSpan Patience => TimeSpan.FromMinutes(4);

    public TimeSpan TakeOverTimeout => TimeSpan.FromMinutes(4);

    public string Component { get; init; } = "web";

    public Func<Task> Follows { get; init; } = () => Task.CompletedTask;

    public Func<CancellationToken, Task<bool>> Moves { get; init; } = _ => Task.FromResult(true);

    /// <summary>Ends when the successor does not read any more.</summary>
    public Task? Silence { get; init; }

    public Exception? Fault { get; init; }

    public Func<SocketPeer, Task<bool>> TakesBack { get; init; } = _ => Task.FromResult(true);

    public ValueTask<string> NextAsync(CancellationToken cancellationToken) => _asked.Reader.ReadAsync(cancellationToken);

    public string? WhyNot(IReadOnlySet<string> components) => components.Contains(Component) ? null : $"it has {Component}";

    public IReadOnlyList<HeldDatagram> Kept { get; init; } = [];

    public async Task<byte[]> ReleaseAsync()
    {
        await Note("release");
        return KeptDatagrams.Write(Kept);
    }

    public Task FollowAsync(int controlPort)
    {
        _ = Note($"follow {controlPort}");
        return Follows();
    }

    public Task<bool> MoveAsync(string name, TimeSpan time, CancellationToken cancellationToken)
    {
        _ = Note($"move to {name} in {time.TotalSeconds} s");
        return Moves(cancellationToken);
    }

    public Task SilenceAsync(CancellationToken cancellationToken) => Silence?.WaitAsync(cancellationToken) ?? Never.EndsAsync(cancellationToken);

    public Task StayAsync() => Note("stay");

    public async Task<bool> TryTakeBackAsync(SocketPeer successor)
    {
        if (Fault is not null)
        {
            throw Fault;
        }

        await Note("take back");
        return await TakesBack(successor);
    }

    private Task Note(string what)
    {
        Assert.IsTrue(_asked.Writer.TryWrite(what));
        return Task.CompletedTask;
    }
}
