using System.Security.Cryptography.X509Certificates;

namespace Net.Migration.Hosting;

/// <summary>The certificate that a host shows to other members: asked for at each handshake, as it may have been renewed since, and looked at before its time is over.</summary>
/// <remarks>Links that are open outlive it. But each move opens a new one, so a host whose certificate is over can give nothing away any more.</remarks>
internal sealed class MemberIdentity : IDisposable
{
    /// <summary>Before its end, from when on it is told once a day.</summary>
    public static readonly TimeSpan WarnBefore = TimeSpan.FromDays(30);

    private static readonly TimeSpan s_look = TimeSpan.FromHours(1);

    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);

    private readonly string _name;
    private readonly Func<X509Certificate2>? _renewed;
    private readonly Action<string>? _log;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private volatile X509Certificate2 _current;
    private volatile string? _trouble;
    private DateTimeOffset _told = DateTimeOffset.MinValue;

    /// <param name="name">The member's.</param>
    /// <param name="first">With its key.</param>
    /// <param name="renewed">What takes its place; null: nothing.</param>
    /// <param name="log">Told in words.</param>
    /// <param name="time">The wall clock; null: the system's.</param>
    /// <exception cref="ArgumentException">It is not valid now: nobody would take a link.</exception>
    public MemberIdentity(string name, X509Certificate2 first, Func<X509Certificate2>? renewed, Action<string>? log, TimeProvider? time = null)
    {
        (_name, _current, _renewed, _log, _time) = (name, first, renewed, log, time ?? TimeProvider.System);
        if (Certificates.WhyNot(Current(), _time.GetUtcNow()) is { } reason)
        {
            throw new ArgumentException($"the member certificate of {name} {reason}: no other member takes it");
        }

        _timer = _time.CreateTimer(_ => Look(), null, TimeSpan.Zero, s_look);
    }

    /// <summary>To be shown now. From any thread.</summary>
    public X509Certificate2 Current()
    {
        if (_renewed is null)
        {
            return _current;
        }

        try
        {
            _current = _renewed();
            _trouble = null;
        }
#pragma warning disable CA1031 // Whatever it was, the former one is better than none, and a handshake is no place to fail for it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (_trouble != e.Message)
            {
                _trouble = e.Message;
                Tell($"the member certificate of {_name} cannot be renewed, and stays as it was: {e.Message}");
            }
        }

        return _current;
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        X509Certificate2 certificate = Current();
        DateTimeOffset now = _time.GetUtcNow();
        if (certificate.NotAfter - now < WarnBefore && now - _told >= s_day)
        {
            _told = now;
            string end = Certificates.WhyNot(certificate, now) ?? $"ends on {Certificates.Day(certificate.NotAfter)}";
            Tell($"the member certificate of {_name} {end}: without another one nothing moves from or to it then");
        }
    }

    /// <summary>What a listener throws ends neither the handshake nor the timer, and with it the process.</summary>
    private void Tell(string line)
    {
        try
        {
            _log?.Invoke(line);
        }
#pragma warning disable CA1031 // As said.
        catch
#pragma warning restore CA1031
        {
        }
    }
}
