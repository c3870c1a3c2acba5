namespace Net.Node.Demo;

/// <summary>Who watches a demo. Called from several threads.</summary>
internal interface IDemoView
{
    void OnBytes(long offset);

    void OnMoveBegun(int number, string from, string to);

    void OnMoveEnded(int number, DemoMove move);

    void OnRollBack(int number, DemoRollBack back);
}
