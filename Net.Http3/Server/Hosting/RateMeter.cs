namespace Net.Http3.Server.Hosting;

/// <summary>Whether a count grows as fast as it should while somebody waits for it. A mutable value.</summary>
internal struct RateMeter
{
    private long _from;
    private TimeSpan _waited;

    public bool IsTooSlow(long count, TimeSpan elapsed, in DataRate rate)
    {
        _waited += elapsed;
        if (_waited < rate.Over)
        {
            return false;
        }

        bool isTooSlow = count - _from < rate.BytesPerSecond * _waited.TotalSeconds;
        Rest(count);
        return isTooSlow;
    }

    /// <summary>Nobody waits: a new stretch begins here.</summary>
    public void Rest(long count) => (_from, _waited) = (count, TimeSpan.Zero);
}
