#include "trace/event_queue.h"

#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace aieb {
namespace {

struct Item {
  int producer = 0;
  int number = 0;
};

TEST(EventQueue, gives_back_what_one_thread_put_in_order) {
  EventQueue<int> queue;
  int item = 0;
  EXPECT_FALSE(queue.pop(item));
  queue.push(1);
  queue.push(2);
  ASSERT_TRUE(queue.pop(item));
  EXPECT_EQ(item, 1);
  ASSERT_TRUE(queue.pop(item));
  EXPECT_EQ(item, 2);
  EXPECT_FALSE(queue.pop(item));
}

TEST(EventQueue, loses_nothing_and_keeps_each_producers_order_under_contention) {
  constexpr int kProducers = 8;
  constexpr int kItems = 20'000;
  EventQueue<Item> queue;
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&queue, p] {
      for (int i = 0; i < kItems; ++i) queue.push({p, i});
    });
  }
  std::vector<int> expected(kProducers, 0);
  for (int taken = 0; taken < kProducers * kItems;) {
    Item item;
    if (!queue.pop(item)) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(item.number, expected[item.producer]++);
    ++taken;
  }
  for (std::thread& producer : producers) producer.join();
  Item item;
  EXPECT_FALSE(queue.pop(item));
}

TEST(EventQueue, frees_items_that_nobody_took) {
  const auto counted = std::make_shared<int>(7);
  {
    EventQueue<std::shared_ptr<int>> queue;
    queue.push(counted);
    queue.push(counted);
    EXPECT_EQ(counted.use_count(), 3);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

}  // namespace
}  // namespace aieb
