"""What several runs of one thing say together: a gate over trials, and two things held against one another, with a stated error rate."""
