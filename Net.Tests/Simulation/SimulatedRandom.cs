namespace Net.Tests.Simulation;

/// <summary>The only source of chance in a simulated world: splitmix64, the same on every machine and in every release.</summary>
internal sealed class SimulatedRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    public int Below(int bound) => (int)(Next() % (ulong)bound);

    public bool OneIn(int count) => count > 0 && Below(count) == 0;

    public TimeSpan Between(TimeSpan low, TimeSpan high) => low + new TimeSpan((long)(Next() % (ulong)long.Max(1, (high - low).Ticks + 1)));

    public void Fill(Span<byte> buffer)
    {
        for (int i = 0; i < buffer.Length; i++)
        {
            buffer[i] = (byte)Next();
        }
    }
}
