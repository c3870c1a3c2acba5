using Net.Migration.Directory;
using Net.Node.Etcd;
using Net.Tests.Http3.Client;
using Net.Tests.Migration.Directory;

namespace Net.Tests.Node.Etcd;

/// <summary>One ingress's view of a <see cref="FakeEtcd"/>, on a clock that the test turns. Every wait is for a signal.</summary>
internal sealed class EtcdSide : IDirectoryUnderTest
{
    public static readonly byte[] Secret = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private readonly FakeEtcd _etcd;
    private readonly string _id;
    private readonly SemaphoreSlim _changed = new(0);
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromSeconds(30));

    private EtcdSide(FakeEtcd etcd, string id, EtcdDirectory directory, ManualTime time)
    {
        (_etcd, _id, Opened, Time) = (etcd, id, directory, time);
        directory.Start(() => _changed.Release());
    }

    public EtcdDirectory Opened { get; }

    public IOwnershipDirectory Directory => Opened;

    public ManualTime Time { get; }

    public static async Task<EtcdSide> OpenAsync(FakeEtcd etcd, string id = "one", byte[]? secret = null)
    {
        ManualTime time = new();
        EtcdDirectory directory = await EtcdDirectory.OpenAsync(
            etcd.Connect(), "/test/", "etcd://fake:1", new(id, "192.0.2.1:4434"), secret ?? Secret, time, CancellationToken.None);
        return new(etcd, id, directory, time);
    }

    public async Task<OwnershipAnswer> AskAsync(OwnershipRequest request, Member by)
    {
        Opened.Submit(request, by);
        OwnershipAnswer? answer = null;
        await UntilAsync(() => Opened.TryTakeAnswer(out answer));
        return answer!;
    }

    public async Task<IDirectoryUnderTest> AgainAsync() => await OpenAsync(_etcd, _id);

    public async Task BreakAsync()
    {
        _etcd.IsDown = true;
        Opened.Submit(new ReadOwnership(1, "web"), new("a", 1));
        await UntilAsync(() => Opened.Trouble is not null);
    }

    /// <summary>Waits until something holds, looking whenever the directory tells of a change.</summary>
    public async Task UntilAsync(Func<bool> holds)
    {
        while (!holds())
        {
            await _changed.WaitAsync(_stop.Token);
        }
    }

    /// <summary>The same, while time passes: whatever waits for the clock, it comes to it.</summary>
    public async Task TurnUntilAsync(Func<bool> holds)
    {
        while (!holds())
        {
            _stop.Token.ThrowIfCancellationRequested();
            Time.Advance(EtcdPresence.Interval);
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Opened.DisposeAsync();
        _stop.Dispose();
    }
}
